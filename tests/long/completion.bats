#!/usr/bin/env bats
# What Tab offers in bash, zsh and fish is what the program has, in both directions. The shells are
# asked: bash and zsh on a terminal, fish by `complete -C`.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper

setup() {
	WORDS=$ROOT/shim/completion
	mkdir "$DIR/bin" "$DIR/cwd" "$DIR/cwd/folder"
	ln -s "$V6SHIM" "$DIR/bin/v6shim"
	# A command whose completions are known, and a file.
	printf '#!/bin/sh\n' >"$DIR/bin/v6test-command"
	chmod +x "$DIR/bin/v6test-command"
	touch "$DIR/cwd/v6test-file.jsonl"
	export DIR WORDS PATH=$DIR/bin:$PATH
	cd "$DIR/cwd" || exit
	unset BASH_ENV ENV ZDOTDIR
	export HOME=$DIR
}

# typed COMMAND: a terminal, in which the shell is asked one question after another: lines of $DIR/questions. The
# N-th answer is in $DIR/answer.N, made when the key was pressed.
typed() {
	local n=0 question pid

	rm -f "$DIR"/answer.* "$DIR/ready"
	mkfifo "$DIR/keys"
	(
		close_bats_fds
		exec timeout 120 script -qec "$1" /dev/null <"$DIR/keys" >"$DIR/screen" 2>&1
	) &
	pid=$!
	exec 7>"$DIR/keys"
	wait_for 20 [ -e "$DIR/ready" ] || fail "$1 did not start: $(<"$DIR/screen")" || return
	while IFS= read -r question; do
		n=$((n + 1))
		# Beginning and end of the line: what was there is removed.
		printf '\001\013%s\t' "$question" >&7
		wait_for 20 [ -e "$DIR/answer.$n" ] || fail "no answer to: $question
$(<"$DIR/screen")" || return
	done <"$DIR/questions"
	printf '\001\013exit\n' >&7
	exec 7>&-
	wait $pid || :
	rm "$DIR/keys"
}

# ask_SHELL: the answers to $DIR/questions, one word a line.

# With bash-completion, or without it where PLAIN is set.
ask_bash() {
	local library=/usr/share/bash-completion/bash_completion

	cat >"$DIR/rc" <<-END
		${PLAIN:+:} . $library
		. "\$WORDS/v6shim.bash"
		answers=0
		answer() {
			_v6shim "\$@"
			printf '%s\n' "\${COMPREPLY[@]}" >"\$DIR/answer.new"
			mv "\$DIR/answer.new" "\$DIR/answer.\$((++answers))"
		}
		complete -F answer v6shim
		complete -W 'alpha beta --gamma' v6test-command
		PS1= PROMPT_COMMAND='touch "\$DIR/ready"'
		bind 'set bell-style none'
	END
	# shellcheck disable=SC2016 # for the shell that is started
	typed 'exec bash --noprofile --rcfile "$DIR/rc" -i'
}

ask_zsh() {
	cat >"$DIR/rc" <<-'END'
		fpath=("$WORDS" $fpath)
		autoload -Uz compinit
		compinit -u -d "$DIR/dump"
		_v6test_command() { compadd -- alpha beta --gamma; }
		compdef _v6test_command v6test-command
		# What is offered goes to a file; what completion asks of itself is its own.
		compadd() {
			local -a hits
			if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)* ]]; then
				builtin compadd "$@"
				return
			fi
			builtin compadd -A hits "$@"
			(( $#hits )) && print -rl -- $IPREFIX${^hits} >>"$DIR/answer.new"
			builtin compadd "$@"
		}
		answers=0
		answer() {
			: >"$DIR/answer.new"
			_main_complete
			mv "$DIR/answer.new" "$DIR/answer.$((++answers))"
		}
		zle -C answer complete-word answer
		bindkey -e
		bindkey '^I' answer
		zstyle ':completion:*' insert-unambiguous false
		setopt no_always_last_prompt no_auto_list no_beep
		PS1=
		precmd() { touch "$DIR/ready"; }
	END
	# A FIFO cannot be read twice, so that the file is named by ZDOTDIR.
	mkdir -p "$DIR/zdot"
	cp "$DIR/rc" "$DIR/zdot/.zshrc"
	# shellcheck disable=SC2016 # for the shell that is started
	typed 'exec env ZDOTDIR="$DIR/zdot" zsh -d -i'
}

ask_fish() {
	local n=0 question

	rm -f "$DIR"/answer.*
	cat >"$DIR/ask.fish" <<-'END'
		complete -c v6test-command -f -a 'alpha beta'
		complete -c v6test-command -l gamma
		source $WORDS/v6shim.fish
		set -l n 0
		while read -l question
		    set n (math $n + 1)
		    complete -C $question | string replace -r '\t.*' '' >$DIR/answer.$n
		end <$DIR/questions
		true
	END
	fish --no-config "$DIR/ask.fish"
}

# questions SHELL QUESTION...
questions() {
	local shell=$1

	shift
	# bats's takes most of the time.
	trap - DEBUG
	printf '%s\n' "$@" >"$DIR/questions"
	"ask_$shell"
}

# answer N [PREFIX]: sorted, and those that begin so.
answer() {
	sed 's/ *$//; /^$/d' "$DIR/answer.$1" | grep -e "^${2-}" | sort -u
}

# ---- what the program has

# The options of a subcommand, with that for help.
options() {
	{
		echo --help
		"$V6SHIM" "$1" --help | sed -nE '1p; s/^  (-., )?(--[a-z0-9-]+).*/\2/p' | grep -oE -e '--[a-z0-9-]+'
	} | sort -u
}

# The values of a setting; what is typed behind deny: and fd: does not count, and files are no words.
values() {
	{
		"$V6SHIM" run --help | sed -E 's/^  -., /  /' | awk -v setting="--$1" '/^  --/ { inside = $1 == setting } inside && /^      [^ ]/ { for (i = 1; i <= NF; i++) print $i }'
		[ "$1" != profile ] || { profiles && echo none; }
	} | sed 's/^deny:.*/deny:/; s/^fd:.*/fd:/; /^\//d' | sort -u
}

# ---- that the shells offer the same

# Words, not files; without what bash leaves out, for it is typed already.
offered() {
	answer "$1" | sed -E "s/^--$2=//; s/^deny:.*/deny:/" | grep -vxE 'folder/?|v6test-.*' | sort -u
}

check_words() {
	local shell=$1 n command

	questions "$shell" 'v6shim ' 'v6shim profiles ' || return
	assert_eq "$(subcommands)" "$(answer 1)" "$shell: subcommands" || return
	assert_eq "$(profiles)" "$(answer 2)" "$shell: profiles" || return
	mapfile -t lines < <(subcommands | sed 's/.*/v6shim & --/')
	questions "$shell" "${lines[@]}" || return
	n=0
	for command in $(subcommands); do
		n=$((n + 1))
		assert_eq "$(options "$command")" "$(answer $n)" "$shell: options of $command" || return
	done
}

check_values() {
	local shell=$1 n=0 setting

	mapfile -t lines < <(settings | sed 's/.*/v6shim run --& \nv6shim config --proto tcp --&=/')
	questions "$shell" "${lines[@]}" || return
	for setting in $(settings); do
		assert_eq "$(values "$setting")" "$(offered $((n + 1)) "$setting")" "$shell: $setting" || return
		assert_eq "$(values "$setting")" "$(offered $((n + 2)) "$setting")" "$shell: $setting=" || return
		n=$((n + 2))
	done
	[ $n -ge 28 ]
}

# What follows COMMAND is its own; options have files for values.
check_commands() {
	local shell=$1 n=0 expected question

	questions_and_answers >"$DIR/both"
	mapfile -t lines < <(cut -f 1 "$DIR/both")
	questions "$shell" "${lines[@]}" || return
	while IFS=$'\t' read -r question expected; do
		n=$((n + 1))
		# Of a path bash and fish have all, zsh its last part; some mark a folder.
		assert_eq "$expected" "$(answer $n | sed 's|^--[a-z]*=||; s|^\./||; s|/$||' | sort | paste -sd' ')" \
			"$shell: $question" || return
	done <"$DIR/both"
}

questions_and_answers() {
	local start

	for start in run 'run --' 'run --policy both' 'run --policy=both --mode log --' check 'check --' \
		"run --rules 'port=1 => policy=both'"; do
		printf '%s\t%s\n' "v6shim $start v6test-c" v6test-command \
			"v6shim $start v6test-command al" alpha \
			"v6shim $start v6test-command x --g" --gamma
	done
	printf '%s\t%s\n' "v6shim run --policy both --pro" --profile \
		"v6shim run v6test-command --pol" '' \
		"v6shim run --config v6test-" v6test-file.jsonl \
		"v6shim run --log ./v6test-" v6test-file.jsonl \
		"v6shim run --log=./fold" folder \
		"v6shim report --check v6test-" v6test-file.jsonl \
		"v6shim profiles bindv6only=1 a" ''
}

@test "bash offers what the program has" {
	require script
	for check in words values commands; do
		"check_$check" bash
	done
}

@test "bash offers it without bash-completion too, but for what is the command's own" {
	require script
	export PLAIN=1
	check_words bash
	check_values bash
	questions bash 'v6shim run --policy both v6test-c' 'v6shim run -- v6test-command v6test-f' 'v6shim run v6test-command al'
	assert_eq 'v6test-command v6test-file.jsonl ' "$(answer 1) $(answer 2) $(answer 3)"
}

@test "zsh offers what the program has" {
	require script zsh
	for check in words values commands; do
		"check_$check" zsh
	done
}

@test "fish offers what the program has" {
	require fish
	for check in words values commands; do
		"check_$check" fish
	done
}

@test "control: words that lack one, or have one too many, are seen" {
	require script zsh fish
	mkdir "$DIR/program"
	mv "$DIR/bin/v6shim" "$DIR/program"
	# shellcheck disable=SC2016 # for the shell that is started
	printf '%s\n' '#!/bin/sh' '"$DIR/program/v6shim" "$@" | sed "$(cat "$DIR/change")"' >"$DIR/bin/v6shim"
	chmod +x "$DIR/bin/v6shim"
	while read -r shell check change; do
		echo "$change" >"$DIR/change"
		refute "check_$check" "$shell" >/dev/null 2>&1 || fail "$shell $check: $change"
	done <<-'END'
		bash  values   /share-ipv6/d
		bash  words    s/follow/tail/
		bash  commands /:command/d
		zsh   values   s/default-ipv6/neither/
		zsh   words    s/^who/whom/
		fish  values   s/^stderr/stdout/
	END
}

@test "the shells find them where make install puts them" {
	require make zsh fish script
	mkdir "$DIR/build"
	cp "$V6SHIM" "$LIB" "$DIR/build"
	# What is there is installed, and nothing built.
	env -u MAKEFLAGS -u MFLAGS make -s -C "$ROOT" -o all BUILD="$DIR/build" PREFIX=/usr DESTDIR="$DIR/root" install
	export XDG_DATA_DIRS=$DIR/root/usr/share
	# shellcheck disable=SC2016 # for the shell that is started
	assert_eq '_v6shim' "$(bash --norc -c '. /usr/share/bash-completion/bash_completion
		_completion_loader v6shim
		complete -p v6shim' | grep -o '_v6shim')"
	# shellcheck disable=SC2016 # for the shell that is started
	assert_eq '--follow' "$(fish --no-config -c 'set fish_complete_path $XDG_DATA_DIRS/fish/vendor_completions.d
		complete -C "v6shim report --fol"' | cut -f 1)"
	WORDS=$XDG_DATA_DIRS/zsh/site-functions
	questions zsh 'v6shim report --fol'
	assert_eq --follow "$(answer 1)"
}
