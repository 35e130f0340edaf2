#!/usr/bin/env bats
# OpenSSH's sshd sets V6ONLY 1 by itself. It closes what it inherited, and executes itself anew for each
# connection and on SIGHUP. Its client side is what it forwards to.

load driver

server_start() {
	local both='' key

	mkdir -p /run/sshd
	[ "$families" != both ] || both='ListenAddress 0.0.0.0'
	for key in host user; do
		[ -e "$DIR/$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$DIR/$key"
	done
	cat >"$DIR/sshd_config" <<-END
		Port $port
		$both
		ListenAddress ::
		HostKey $DIR/host
		PidFile $DIR/sshd.pid
		AuthorizedKeysFile $DIR/user.pub
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		PermitRootLogin yes
		AcceptEnv none
	END
	begin server "$@" /usr/sbin/sshd -D -e -f "$DIR/sshd_config"
}

# log_in ADDRESS|OPTION...
log_in() {
	ssh -F none -p "$port" -i "$DIR/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o BatchMode=yes -o ConnectTimeout=10 "$@"
}

client() {
	[ "$(log_in "$1" 'echo v6shim-page')" = v6shim-page ]
}

client_side() {
	up=$(free_port) || return
	passes_on forwarded
}

# With -W it is sshd that connects.
forwarded() {
	printf 'GET / HTTP/1.0\r\n\r\n' | log_in -W "127.0.0.1:$up" ::1
}

@test "sshd: every setting, as the table says" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	table sshd sshd ssh
}

@test "sshd: SIGHUP executes it anew, and the new one is governed" {
	require sshd ssh jq
	[ "$EUID" -eq 0 ] || skip 'needs root'
	governed both
	assert_eq 'inet6 :: v6only=0' "$(kernel_listeners tcp "$port")"
	kill -HUP "$(pid_of server)"
	wait_for 10 listened_twice
	client 127.0.0.1
	client ::1
	assert_eq 'inet6 :: v6only=0' "$(kernel_listeners tcp "$port")"
	log_agrees
}

listened_twice() {
	[ "$(json_records "$DIR/log.jsonl" 'select(.event == "listen" and .result == 0)' | wc -l)" -eq 2 ]
}
