# shellcheck shell=bash
# nginx.bash - nginx, for its own tests and for long/soak.bats. It sets V6ONLY for each listen line.

load ../servers/driver

# configure: $DIR/nginx.conf. The page behind /up comes from nginx's own client side, over IPv4.
configure() {
	local both=''

	up=$(free_port) || return
	[ "$families" != both ] || both="listen 0.0.0.0:$port;"
	mkdir -p "$DIR/tmp"
	cat >"$DIR/nginx.conf" <<-END
		daemon ${daemon-off};
		${extra-}
		worker_processes 2;
		pid $DIR/nginx.pid;
		error_log $DIR/error.log;
		events {}
		http {
			access_log off;
			$(printf "%s_temp_path $DIR/tmp/%s; " client_body{,} proxy{,} fastcgi{,} uwsgi{,} scgi{,})
			server {
				$both
				listen [::]:$port ipv6only=off;
				location = /up { proxy_pass http://127.0.0.1:$up/; }
				location / { return 200 v6shim-page; }
			}
			server {
				listen 127.0.0.1:$up;
				location / { return 200 v6shim-page; }
			}
		}
	END
}

server_start() {
	configure || return
	# An upgrade executes argv[0] as it stands, without a look at PATH.
	begin server "$@" "$(command -v nginx)" -e "$DIR/error.log" -p "$DIR" -c "$DIR/nginx.conf"
}
