#!/usr/bin/env bats
# dovecot's master binds for all its services, with V6ONLY 1; what it starts gets the listeners by number.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

teardown() {
	stop_all
	[ ! -s "$BATS_TEST_TMPDIR/base" ] || rm -rf "$(<"$BATS_TEST_TMPDIR/base")"
}

server_start() {
	local addresses=:: base

	[ "$families" != both ] || addresses='0.0.0.0, ::'
	mkdir -p "$DIR/mail"
	# A test's own folder has too long a name for the Unix sockets in it (unix(7): 108 bytes).
	if [ ! -s "$BATS_TEST_TMPDIR/base" ]; then
		mktemp -d /tmp/v6shim-dovecot.XXXXXX >"$BATS_TEST_TMPDIR/base"
		chmod 755 "$(<"$BATS_TEST_TMPDIR/base")"
	fi
	base=$(<"$BATS_TEST_TMPDIR/base")
	cat >"$DIR/dovecot.conf" <<-END
		base_dir = $base
		state_dir = $base
		log_path = $DIR/dovecot.log
		protocols = imap
		listen = $addresses
		ssl = no
		disable_plaintext_auth = no
		mail_location = mbox:$DIR/mail
		passdb {
		  driver = static
		  args = password=v6shim
		}
		service imap-login {
		  inet_listener imap {
		    port = $port
		  }
		  inet_listener imaps {
		    port = 0
		  }
		}
	END
	begin server "$@" dovecot -F -c "$DIR/dovecot.conf"
}

client() {
	[[ $(reach "$1" tcp "$port" 'a1 CAPABILITY') == 'served * OK '* ]]
}

@test "dovecot: every setting, as the table says" {
	require dovecot jq
	[ -x /usr/lib/dovecot/imap ] || skip 'needs imap of dovecot-imapd'
	[ "$EUID" -eq 0 ] || skip 'needs root'
	table dovecot
}
