#!/usr/bin/env bats
# dovecot's master binds for all its services, with V6ONLY 1; what it starts gets the listeners by number. Its client
# side is the IMAP server that it hands some users on to (proxy=y): a listener of its own on 127.0.0.1. What
# it starts gets no LD_PRELOAD unless import_environment names it.

load driver

teardown() {
	stop_all
	[ ! -s "$BATS_TEST_TMPDIR/base" ] || rm -rf "$(<"$BATS_TEST_TMPDIR/base")"
}

# One mailbox, two users: `far` is handed on over IPv4, and is `near` there.
server_start() {
	local addresses=:: base

	up=$(free_port) || return
	[ "$families" != both ] || addresses='0.0.0.0, ::'
	install -d -m 777 "$DIR/mail" || return
	printf '%s\n' 'From v6shim Thu Jan  1 00:00:00 1970' 'Subject: page' '' v6shim-page >"$DIR/mail/inbox"
	cat >"$DIR/users" <<-END
		near:{PLAIN}v6shim::::::
		far:{PLAIN}v6shim::::::proxy=y host=127.0.0.1 port=$up destuser=near
	END
	chmod 666 "$DIR/mail/inbox" "$DIR/users"
	# A test's own folder has too long a name for the Unix sockets in it (unix(7): 108 bytes).
	if [ ! -s "$BATS_TEST_TMPDIR/base" ]; then
		mktemp -d /tmp/v6shim-dovecot.XXXXXX >"$BATS_TEST_TMPDIR/base"
		chmod 755 "$(<"$BATS_TEST_TMPDIR/base")"
	fi
	base=$(<"$BATS_TEST_TMPDIR/base")
	cat >"$DIR/dovecot.conf" <<-END
		import_environment = LD_PRELOAD V6SHIM_POLICY V6SHIM_MODE V6SHIM_ON_CONFLICT V6SHIM_LOG V6SHIM_LOG_LEVEL
		base_dir = $base
		state_dir = $base
		log_path = $DIR/dovecot.log
		protocols = imap
		listen = $addresses
		ssl = no
		disable_plaintext_auth = no
		mail_location = mbox:$DIR/mail:INBOX=$DIR/mail/inbox
		mbox_write_locks = fcntl
		passdb {
		  driver = passwd-file
		  args = $DIR/users
		}
		userdb {
		  driver = static
		  args = uid=nobody gid=nogroup home=$DIR/mail
		}
		service imap-login {
		  inet_listener imap {
		    port = $port
		  }
		  inet_listener upstream {
		    address = 127.0.0.1
		    port = $up
		  }
		  inet_listener imaps {
		    port = 0
		  }
		}
	END
	begin server "$@" dovecot -F -c "$DIR/dovecot.conf"
}

client() {
	reads_mail "$1" near
}

client_side() {
	reads_mail ::1 far
}

# reads_mail ADDRESS USER: logs in, selects the inbox, and fetches what is in it.
reads_mail() {
	local url

	url="imap://$(sed '/:/s/.*/[&]/' <<<"$1"):$port/INBOX/;MAILINDEX=1/;SECTION=TEXT"
	[ "$(curl -sS -g --max-time 10 --noproxy '*' -u "$2:v6shim" "$url" | tr -d '\r\n')" = v6shim-page ]
}

@test "dovecot: every setting, as the table says" {
	[ -x /usr/lib/dovecot/imap ] || skip 'needs imap of dovecot-imapd'
	[ "$EUID" -eq 0 ] || skip 'needs root'
	table dovecot dovecot
}
