#!/usr/bin/env bats
# What examples/ has for init systems, containers and log pipelines: read by each tool's own validator, and run as far as
# that goes without the tool. The units for systemd are run by a real one in packages-install.bats.

load helper

shopt -s globstar nullglob

# Those that a user copies; the packaging has its own tests.
EXAMPLE_DIRS=(systemd openrc init ld.so.preload container kubernetes logging)

setup() {
	cd "$ROOT/examples" || return
}

examples() {
	find "${EXAMPLE_DIRS[@]}" -type f | sort
}

# Every V6SHIM_NAME: value, NAME=value or {name, value} in an example.
assignments() {
	grep -hoE 'V6SHIM_[A-Z_]+(=|: )[^ "\\]+' "$1" | sed 's/: /=/' || :
	grep -hA1 -E 'name: V6SHIM_' "$1" | sed -n '/name:/{s/.*name: //;N;s/\n *value: /=/;p}' || :
}

@test "the settings in the examples are settings, with values that they have" {
	count=0
	while read -r file; do
		while IFS='=' read -r name value; do
			# The folder is the user's, the placeholders are the comments'.
			[[ $name != V6SHIM_BUILD ]] && [[ $value != *...* ]] || continue
			while [[ $value == *[.,\;\)] ]]; do value=${value%?}; done
			run env "$name=${value//%%/%}" "$V6SHIM" config
			# A configuration file that is not installed here is no mistake of the example's.
			[[ $name != V6SHIM_CONFIG ]] || continue
			[ "$status" -eq 0 ] || fail "$file: $name=$value: $output"
			count=$((count + 1))
		done < <(assignments "$file")
	done < <(examples)
	[ "$count" -ge 20 ] || fail "found no more than $count settings"
	# Control: the check does refuse.
	refute env V6SHIM_POLICY=booth "$V6SHIM" config 2>/dev/null
}

# ---- classic init, OpenRC

# init_defaults [LINE...]: the settings of the init script, for a server on $port.
init_defaults() {
	printf '%s\n' "DAEMON=$EXAMPLES/dual-echo" "DAEMON_ARGS=$port" "USER=$(id -un) GROUP=$(id -gn)" "PIDFILE=$DIR/pid" "LOG_DIR=$DIR/log" \
		"V6SHIM=$V6SHIM" 'export V6SHIM_POLICY=ipv6-only V6SHIM_LOG_LEVEL=bind' "export V6SHIM_LOG=$DIR/log/v6shim.jsonl" "$@" >"$DIR/default"
}

# initd STATUS WORD: what it exits with; what it said is in `output`.
initd() {
	run env DEFAULTS="$DIR/default" PATH="$PATH:/sbin:/usr/sbin" "$ROOT/examples/init/legacyd" ${2+"$2"} 5>&- 6>&-
	assert_status "$1"
}

listens() {
	[ -n "$(kernel_listeners tcp "$port")" ]
}

# governed LOG: its one listener is.
governed() {
	wait_for 10 test -s "$1"
	assert_eq 'inet6 :: v6only=1' "$(kernel_listeners tcp "$port")"
	assert_eq 1 "$(json_records "$1" 'select(.event == "listen")' | wc -l)"
}

@test "init script: start, status, stop; the server is governed, and what v6shim refuses fails the start" {
	PATH=$PATH:/sbin:/usr/sbin command -v start-stop-daemon >/dev/null || skip 'needs start-stop-daemon'
	port=$(free_port)
	init_defaults
	initd 3 status
	(close_bats_fds && DEFAULTS=$DIR/default PATH=$PATH:/sbin:/usr/sbin init/legacyd start)
	wait_for 10 listens
	governed "$DIR/log/v6shim.jsonl"
	initd 0 status
	assert_eq dual-echo "$(cat "/proc/$(<"$DIR/pid")/comm")"
	initd 0 stop
	assert_eq '' "$(kernel_listeners tcp "$port")"
	initd 3 status
	init_defaults 'export V6SHIM_POLICY=booth'
	initd 1 start
	assert_match "did you mean 'both'" "$output"
	init_defaults "DAEMON=$DIR/text"
	echo 'no program' >"$DIR/text"
	chmod 644 "$DIR/text"
	initd 1 start
	assert_match 'does not start' "$output"
	initd 2
}

@test "init script, OpenRC script and their settings are clean to shellcheck" {
	require shellcheck
	shellcheck init/legacyd
	# What OpenRC reads and sets is not seen from here.
	shellcheck -s sh -e SC2034,SC2154 openrc/legacyd openrc/legacyd.confd
	shellcheck -s sh -e SC2034 init/legacyd.default
	assert_eq '#!/sbin/openrc-run' "$(head -n 1 openrc/legacyd)"
}

# openrc [NAME=VALUE...]: OpenRC's part of start, by a shell: conf.d, the script, start_pre, then the command with what
# start-stop-daemon would be given.
openrc() {
	# shellcheck disable=SC2016 # for that shell
	env RC_SVCNAME=legacyd PATH="$DIR/bin:$PATH" CONF="$1" "${@:2}" sh -eu -c '
		checkpath() {
			while [ $# -gt 1 ]; do [ "$1" != --directory ] || dir=1; shift; done
			if [ "${dir-}" ]; then mkdir -p "$1"; else : >>"$1"; fi
			unset dir
		}
		. "$CONF"
		. ./openrc/legacyd
		start_pre
		exec $command $command_args'
}

@test "OpenRC: what conf.d says governs the server, and what v6shim refuses fails the start" {
	port=$(free_port)
	mkdir "$DIR/bin"
	ln -s "$V6SHIM" "$DIR/bin/v6shim"
	sed -e "s,^LEGACYD=.*,LEGACYD=$EXAMPLES/dual-echo," -e "s,^LEGACYD_ARGS=.*,LEGACYD_ARGS=$port," \
		-e "s,/var/log,$DIR/log," -e "s,=libv6shim\.so,=$LIB," openrc/legacyd.confd >"$DIR/confd"
	start server --tcp "$port" bash -c "$(declare -f openrc); DIR='$DIR'; openrc '$DIR/confd'"
	governed "$DIR/log/legacyd/v6shim.jsonl"
	stop server
	sed -i 's/^V6SHIM_POLICY=.*/V6SHIM_POLICY=booth/' "$DIR/confd"
	run openrc "$DIR/confd"
	assert_status 2
	assert_match "did you mean 'both'" "$output"
}

# ---- log pipelines

# A log with a conflict in it, in $DIR/logs/server.jsonl.
make_log() {
	mkdir -p "$DIR/logs"
	port=$(free_port)
	shim LOG="$DIR/logs/server.jsonl" LOG_LEVEL=bind -- "$PROGRAMS/drive" 'socket tcp4' "bind 0.0.0.0 $port" 'socket tcp6' \
		"bind :: $port" >"$DIR/out"
	assert_eq '"conflict"' "$(json_records "$DIR/logs/server.jsonl" 'select(.finding == "conflict") | .finding')"
}

@test "rsyslog: the snippet passes rsyslogd -N1, and takes a conflict out of a log" {
	require rsyslogd
	sed -e "s,/var/log/v6shim/,$DIR/logs/," -e "s,/var/log/v6shim-findings.log,$DIR/findings," logging/rsyslog.conf >"$DIR/rsyslog.conf"
	printf 'global(workDirectory="%s")\n' "$DIR" >>"$DIR/rsyslog.conf"
	rsyslogd -N1 -f "$DIR/rsyslog.conf" >"$DIR/out" 2>&1 || fail "$(<"$DIR/out")"
	refute grep -E 'error|warning' "$DIR/out"
	# Control: a word that rsyslog does not know is an error.
	refute rsyslogd -N1 -f <(sed 's/type="imfile"/type="imfiel"/' "$DIR/rsyslog.conf") >/dev/null 2>&1
	make_log
	printf 'no record\n' >>"$DIR/logs/server.jsonl"
	start rsyslog --now rsyslogd -n -f "$DIR/rsyslog.conf" -i "$DIR/rsyslogd.pid"
	wait_for 20 test -s "$DIR/findings" || fail "$(stderr_of rsyslog)"
	assert_match "^[0-9T:.-]+Z drive\[[0-9]+\] bind conflict EADDRINUSE .*0\.0\.0\.0:$port" "$(<"$DIR/findings")"
	assert_eq 1 "$(wc -l <"$DIR/findings")"
}

# fluent_bit_wrong FILE...: what is not of the format, or no key that fluent-bit's manual gives for its plugin.
fluent_bit_wrong() {
	python3 -c '
import re, sys
known = {"SERVICE": "Flush Log_Level Parsers_File", "PARSER": "Name Format Time_Key Time_Format Time_Keep",
    "tail": "Name Tag Path Parser Refresh_Interval Skip_Long_Lines", "grep": "Name Match Regex Logical_Op",
    "stdout": "Name Match Format"}
for section in re.split(r"(?m)^(?=\[)", "".join(open(name).read() for name in sys.argv[1:])):
    lines = [line for line in section.splitlines() if line and line[0] != "#"]
    keys = dict((line.split(None, 1) + [""])[:2] for line in lines[1:])
    title = lines[0].strip("[]") if lines else "SERVICE"
    plugin = title if title in known else keys.get("Name", "")
    for key in keys:
        if key not in known.get(plugin, "").split():
            print(f"[{title}] {plugin}: {key}")' "$@"
}

@test "fluent-bit: sections and keys that its manual has" {
	assert_eq '' "$(fluent_bit_wrong logging/fluent-bit.conf logging/fluent-bit-parsers.conf)"
	# Control.
	assert_match '\[INPUT\] tail: Pfad' "$(sed 's/^    Path /    Pfad /' logging/fluent-bit.conf | fluent_bit_wrong /dev/stdin)"
	# The parser that the input names is the one that there is, and it takes the time as it stands in a record.
	assert_eq "$(sed -n 's/^    Parser  *//p' logging/fluent-bit.conf)" "$(sed -n 's/^    Name  *//p' logging/fluent-bit-parsers.conf)"
	make_log
	format=$(sed -n 's/^    Time_Format  *//p' logging/fluent-bit-parsers.conf)
	# %L is fluent-bit's own word for the fraction of a second.
	head -n 1 "$DIR/logs/server.jsonl" | jq -r .time | python3 -c '
import sys, time
time.strptime(sys.stdin.read().strip().replace(sys.argv[2], ""), sys.argv[1])' "${format/.%L/}" \
		".$(head -n 1 "$DIR/logs/server.jsonl" | jq -r .time | grep -oE '[0-9]{6}Z' | tr -d Z)"
}

@test "vector: TOML whose parts fit together" {
	python3 - logging/vector.toml <<-'END'
		import sys
		try:
		    import tomllib
		except ImportError:
		    sys.exit("python3 is too old for tomllib")
		config = tomllib.load(open(sys.argv[1], "rb"))
		assert set(config) == {"sources", "transforms", "sinks"}, set(config)
		known = {"sources": {"file": {"include", "read_from"}},
		    "transforms": {"remap": {"inputs", "source", "drop_on_error", "drop_on_abort"}, "filter": {"inputs", "condition"}},
		    "sinks": {"console": {"inputs", "target", "encoding"}}}
		names = set(config["sources"]) | set(config["transforms"])
		used = set()
		for kind, parts in config.items():
		    for name, part in parts.items():
		        assert set(part) - {"type"} <= known[kind][part["type"]], (name, set(part))
		        for i in part.get("inputs", []):
		            assert i in names, (name, i)
		            used.add(i)
		assert used == names, names - used
		END
}

# ---- Kubernetes

# documents FILE: each as a line of JSON.
documents() {
	python3 -c '
import json, sys, yaml
for document in yaml.safe_load_all(open(sys.argv[1])):
    print(json.dumps(document))' "$1"
}

# lost_by_kubectl FILE: what kubectl does not know of, of a Deployment and a Service: it reads them into its own types, and
# gives back what it took in.
lost_by_kubectl() {
	local document back

	while read -r document; do
		case $(jq -r .kind <<<"$document") in
		Deployment) back=$(kubectl set env --local -f - -o json ADDED=1 <<<"$document") || return ;;
		Service) back=$(kubectl set selector --local -f - -o json added=1 <<<"$document") || return ;;
		esac
		jq -r --argjson back "$back" '
			. as $in | paths(scalars) | . as $path | select(($in | getpath($path)) != ($back | getpath($path))) |
			map(tostring) | join(".")' <<<"$document" | grep -v '^spec\.selector\.app$' || :
	done < <(documents "$1")
}

@test "kubernetes: the manifest is what kubectl has types for" {
	require kubectl python3 jq
	export KUBECONFIG=/dev/null
	assert_eq 2 "$(documents kubernetes/deployment.yaml | wc -l)"
	assert_eq '' "$(lost_by_kubectl kubernetes/deployment.yaml)"
	# Control.
	sed 's/mountPath/mountpfad/' kubernetes/deployment.yaml >"$DIR/wrong.yaml"
	assert_match 'volumeMounts\.0\.mountpfad' "$(lost_by_kubectl "$DIR/wrong.yaml")"
}

@test "kubernetes: what the init container copies is what the container preloads, from one volume" {
	pod=$(documents kubernetes/deployment.yaml | jq -c 'select(.kind == "Deployment") | .spec.template.spec')
	assert_eq 'true' "$(jq '.volumes[0].name as $v | .volumes[0].emptyDir != null and
		([.initContainers[0].volumeMounts[0], .containers[0].volumeMounts[0]] | all(.name == $v))' <<<"$pod")"
	into=$(jq -r '.initContainers[0].volumeMounts[0].mountPath' <<<"$pod")
	assert_eq "$into/libv6shim.so" "$(jq -r '.initContainers[0].command[-1]' <<<"$pod")"
	preload=$(jq -r '.containers[0].env[] | select(.name == "LD_PRELOAD") | .value' <<<"$pod")
	assert_eq "$(jq -r '.containers[0].volumeMounts[0].mountPath' <<<"$pod")/libv6shim.so" "$preload"
	# Run: the copy, then a server with that environment, its standard error a pipe as a container's is.
	mkdir "$DIR/volume"
	mapfile -t command < <(jq -r '.initContainers[0].command[]' <<<"$pod")
	command=("${command[@]/#\/usr\/local\/lib\/libv6shim.so/$LIB}")
	command=("${command[@]/#$into\//$DIR/volume/}")
	"${command[@]}"
	mapfile -t environment < <(jq -r '.containers[0].env[] | .name + "=" + .value' <<<"$pod")
	environment=("${environment[@]/$into\//$DIR/volume/}")
	port=$(free_port)
	start server --tcp "$port" env "${environment[@]}" "$EXAMPLES/dual-echo" -v 1 "$port"
	assert_eq 'inet6 :: v6only=0' "$(kernel_listeners tcp "$port")"
	assert_eq '"override"' "$(stderr_of server | grep '^{"v":1,' | jq 'select(.event == "bind") | .action')"
	assert_match 'by policy both' "$(stderr_of server | grep '^{"v":1,' | "$V6SHIM" report -)"
}

# ---- containers

@test "compose: the file is valid to docker-compose, and the library is where LD_PRELOAD says" {
	require docker-compose jq
	(cd container && V6SHIM_BUILD=$BUILD docker-compose -f compose.yaml config >"$DIR/config" 2>"$DIR/err") || fail "$(<"$DIR/err")"
	service=$(documents "$DIR/config" | jq -c .services.legacyd)
	target=$(jq -r '.volumes[0].target' <<<"$service")
	assert_eq "$target/libv6shim.so" "$(jq -r .environment.LD_PRELOAD <<<"$service")"
	assert_eq "$BUILD" "$(jq -r '.volumes[0].source' <<<"$service")"
	# Control.
	sed 's/environment:/enviroment:/' container/compose.yaml >"$DIR/wrong.yaml"
	refute docker-compose -f "$DIR/wrong.yaml" config >/dev/null 2>&1
}

@test "Dockerfile: what its builder copies is enough to build and install" {
	mkdir "$DIR/src"
	while read -r from to; do
		mkdir -p "$DIR$(dirname "$to/x")"
		cp -R "$ROOT/$from" "$DIR$to"
	done < <(sed -n 's/^COPY \([A-Za-z]*\) \(\/src.*\)$/\1 \2/p' container/Dockerfile | sed 's, /src/shim, /src,')
	words=$(sed -n 's/^RUN make -C \/src //p' container/Dockerfile)
	# shellcheck disable=SC2086 # into its words
	env -u MAKEFLAGS -u MAKELEVEL make -C "$DIR/src" -j2 CFLAGS=-O0 ${words/\/out/$DIR/out} >"$DIR/log" 2>&1 || fail "$(tail "$DIR/log")"
	while read -r file; do
		[ -s "$DIR/out$file" ] || fail "$file is not installed"
	done < <(sed -n 's,^COPY --from=v6shim /out\([^ ]*\) .*,\1,p' container/Dockerfile)
}

image_tool() {
	buildah --storage-driver vfs --root "$DIR/images" --runroot "$DIR/run" "$@"
}

# image NAME FOLDER
image() {
	printf 'FROM scratch\nCOPY . /\n' >"$DIR/base"
	image_tool bud -q --isolation chroot -t "$1" -f "$DIR/base" "$2" >"$DIR/log" 2>&1 || fail "$(<"$DIR/log")"
}

# with_libraries FOLDER PROGRAM...: copies them there, each with what it loads.
with_libraries() {
	local program library

	for program in "${@:2}"; do
		install -D -m 755 "$program" "$1/bin/${program##*/}"
		while read -r library; do
			[ -e "$1$library" ] || install -D -m 755 "$library" "$1$library"
		done < <(ldd "$program" | grep -oE '/[^ ]+')
	done
}

@test "Dockerfile: an image that is not changed otherwise serves under the policy" {
	require buildah busybox
	[ "$EUID" -eq 0 ] || skip 'needs root'
	# The builder is one that has nothing to build: the other test has built.
	with_libraries "$DIR/builder" "$(command -v busybox)" /bin/sh
	mkdir -p "$DIR/builder/out" "$DIR/built"
	cp "$LIB" "$V6SHIM" "$DIR/built/"
	cp -R "$DIR/built" "$DIR/builder/built"
	cat >"$DIR/builder/bin/make" <<-'END'
		#!/bin/sh
		busybox mkdir -p /out/usr/local/bin /out/usr/local/lib
		busybox cp /built/v6shim /out/usr/local/bin/ && busybox cp /built/libv6shim.so /out/usr/local/lib/
	END
	chmod 755 "$DIR/builder/bin/make"
	with_libraries "$DIR/vendor" /bin/sh "$PROGRAMS/drive" "$V6SHIM"
	image localhost/builder "$DIR/builder"
	image localhost/vendor "$DIR/vendor"
	image_tool bud -q --pull-never --isolation chroot --build-arg BUILDER=localhost/builder --build-arg BASE=localhost/vendor \
		--build-arg INSTALL=true -t localhost/legacyd -f container/Dockerfile "$ROOT" >"$DIR/log" 2>&1 || fail "$(<"$DIR/log")"
	for name in vendor legacyd; do
		container=$(image_tool from --pull-never "localhost/$name")
		# Into a file: what the tool hands through its pipes may lack its end.
		image_tool run --isolation chroot "$container" -- /bin/sh -c "/bin/drive 'socket tcp6' 'v6only 1' 'bind :: 0' get >/out 2>&1"
		cp "$(image_tool mount "$container")/out" "$DIR/$name.out"
	done
	# As it is, and with the shim: its environment says `both`.
	assert_eq 'get: 1' "$(tail -n 1 "$DIR/vendor.out")"
	assert_eq 'get: 0' "$(tail -n 1 "$DIR/legacyd.out")"
	assert_match '"action":"override"' "$(<"$DIR/legacyd.out")"
}

@test "after ldconfig LD_PRELOAD takes the library by its mere name; before it, not" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	with_libraries "$DIR/root" "$PROGRAMS/drive" "$LIB"
	env -u MAKEFLAGS -u MFLAGS make -s -C "$ROOT" -o all BUILD="$BUILD" PREFIX=/usr/local DESTDIR="$DIR/root" install >/dev/null
	mkdir "$DIR/root/etc"
	echo /usr/local/lib >"$DIR/root/etc/ld.so.conf"
	for expected in 0 1; do
		[ $expected = 0 ] || ldconfig -r "$DIR/root"
		assert_eq "get: $expected" "$(LD_PRELOAD=libv6shim.so V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off chroot "$DIR/root" \
			/bin/drive 'socket tcp6' 'bind :: 0' get 2>/dev/null | tail -n 1)"
	done
}
