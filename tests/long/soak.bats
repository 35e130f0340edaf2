#!/usr/bin/env bats
# nginx under wrk with a reload every second, bare and under the shim, for SOAK_SECONDS each (10; in CI 60).

load ../servers/nginx

seconds() {
	case ${CI-} in
	'' | 0 | false) printf '%s\n' "${SOAK_SECONDS:-10}" ;;
	*) printf '%s\n' "${SOAK_SECONDS:-60}" ;;
	esac
}

# usage_of PID: descriptors, but for pidfds, and resident kB. Of twenty looks the fewest: what a call has that is
# under way is given back.
usage_of() {
	local fewest

	fewest=$(for _ in {1..20}; do
		find "/proc/$1/fd" -mindepth 1 ! -lname '*pidfd*' 2>/dev/null | wc -l
		sleep 0.01
	done | sort -n | sed -n 1p)
	printf '%s %s\n' "$fewest" "$(awk '/^VmRSS/ { print $2 }' "/proc/$1/status")"
}

# While a reload is under way the master has a channel to each old worker too.
old_workers_are_gone() {
	[ "$(children "$pid" | wc -l)" -eq 2 ]
}

# has_opened COUNT: the Go server, that many listeners.
has_opened() {
	[ "$(curl -gsS "http://[::1]:$port/" | cut -d' ' -f1)" -ge "$1" ]
}

# soak [shim ... --]: sets requests, failed, and what the master used when warm and in the end.
soak() {
	local pid load i

	families=six port=$(free_port)
	READY=(--tcp "$port")
	server_start "$@"
	pid=$(pid_of server)
	# A connection for each request: one that is kept alive may be closed by a reload as the next request is on
	# its way, by nginx's own design.
	(
		close_bats_fds
		exec wrk -t 1 -c 8 -d "$(seconds)s" --timeout 10s -H 'Connection: close' "http://[::1]:$port/"
	) >"$DIR/wrk" 2>&1 &
	load=$!
	for ((i = 0; i < $(seconds); i++)); do
		sleep 1
		kill -HUP "$pid"
		# The first few reloads are what makes the master's heap as large as it stays.
		if [ "$i" -eq 3 ]; then
			wait_for 20 old_workers_are_gone
			warm=$(usage_of "$pid")
		fi
	done
	wait "$load"
	wait_for 20 old_workers_are_gone
	end=$(usage_of "$pid")
	stop server
	requests=$(awk '/requests in/ { print $1 }' "$DIR/wrk")
	failed=$(awk '/Socket errors/ { gsub(",", ""); n += $4 + $6 + $8 + $10 } /Non-2xx/ { n += $NF } END { print n + 0 }' "$DIR/wrk")
	echo "# ${1:-bare}: $requests requests, $failed failed; master's descriptors and kB: $warm, $end" >&3
	[ "$requests" -gt 100 ]
}

@test "nginx under load with a reload every second: no request fails that bare does not fail, nothing grows" {
	require nginx wrk
	[ "$(seconds)" -ge 5 ]
	local requests failed warm end bare_failed

	soak
	bare_failed=$failed
	soak shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
	[ "$failed" -le "$bare_failed" ] || fail "failed requests: bare $bare_failed, shim $failed: $(<"$DIR/wrk")"
	[ "${end% *}" -le "${warm% *}" ] || fail "descriptors: $warm, $end"
	[ "${end#* }" -le "$((${warm#* } + 1024))" ] || fail "kB: $warm, $end"
	jq -se 'all(.[]; .event != "error" and .event != "lost")' "$DIR/log.jsonl" >/dev/null
}

@test "a Go server, supervised, under load, with listeners opened and closed beside it: no request fails, nothing grows" {
	require go wrk jq
	local pid helper warm end count opened threads i
	export TESTS_REACH=supervise

	cat >"$DIR/serve.go" <<-'END'
		package main

		import (
			"fmt"
			"net"
			"net/http"
			"os"
			"sync/atomic"
		)

		var opened, failed int64

		func churn() {
			for {
				l, err := net.Listen("tcp", ":0")
				if err != nil {
					atomic.AddInt64(&failed, 1)
					continue
				}
				l.Close()
				atomic.AddInt64(&opened, 1)
			}
		}

		func main() {
			go churn()
			http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintln(w, atomic.LoadInt64(&opened), atomic.LoadInt64(&failed))
			})
			fmt.Println(http.ListenAndServe(":"+os.Args[1], nil))
		}
	END
	HOME=$DIR GOCACHE=$DIR/cache go build -o "$DIR/serve" "$DIR/serve.go"
	port=$(free_port)
	start server --tcp "$port" shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=change -- "$DIR/serve" "$port"
	pid=$(pid_of server)
	# The helper is the process that has the filter's listener.
	helper=$(find /proc/[0-9]*/fd -lname 'anon_inode:seccomp notify' 2>/dev/null | cut -d/ -f3 | sort -u | while read -r i; do
		[ "$(tr '\0' ' ' <"/proc/$i/cmdline")" = "$V6SHIM run --reach supervise -- $DIR/serve $port " ] && echo "$i"
	done)
	(
		close_bats_fds
		exec wrk -t 1 -c 8 -d "$(seconds)s" --timeout 10s "http://[::1]:$port/"
	) >"$DIR/wrk" 2>&1 &
	wait_for 20 has_opened 10000
	warm=$(usage_of "$helper")
	wait $!
	end=$(usage_of "$helper")
	# Of each thread that calls a pidfd is kept, and a Go program has a few more as time goes.
	threads=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)
	[ "$(find "/proc/$helper/fd" -lname '*pidfd*' 2>/dev/null | wc -l)" -le "$threads" ]
	read -r opened count < <(curl -gsS "http://[::1]:$port/")
	stop server
	echo "# $(awk '/requests in/ { print $1 }' "$DIR/wrk") requests, $opened listeners; supervisor's descriptors and kB: $warm, $end" >&3
	assert_eq '' "$(grep -E 'Socket errors|Non-2xx' "$DIR/wrk")"
	[ "$opened" -gt 1000 ]
	assert_eq 0 "$count" 'listeners that could not be opened'
	[ "${end% *}" -le "${warm% *}" ] || fail "descriptors: $warm, $end"
	[ "${end#* }" -le "$((${warm#* } + 256))" ] || fail "kB: $warm, $end"
	jq -se 'all(.[]; .event != "error" and .event != "lost")' "$DIR/log.jsonl" >/dev/null
	# Control: it was governed.
	jq -se 'any(.[]; .event == "bind" and .via == "supervise" and .after == 1)' "$DIR/log.jsonl" >/dev/null
}
