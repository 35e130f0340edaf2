#include <stdio.h>
#include <string.h>

#include "../../core/errname.h"
#include "../options.h"
#include "../who/sockets.h"

static const char *typed; /* the word at the cursor */

static void offer(const char *before, const char *word, const char *meaning)
{
	struct v6_slice rest = v6_slice_of(typed);

	if (!v6_slice_begins(rest, before))
		return;
	rest = v6_slice_from(rest, strlen(before));
	if (!strncmp(word, rest.ptr, rest.len))
		printf("%s%s\t%s\n", before, word, meaning);
}

/* The words of a list, after `before`; of what is open, as deny:ERRNO, the beginning. */
static void offer_list(const char *before, enum v6_list list)
{
	char buf[80];
	size_t len;

	for (const struct v6_word *w = v6_words(list); list && w->list == list; w++) {
		len = strcspn(w->word, "ENR/");
		snprintf(buf, sizeof(buf), "%.*s", (int)len, w->word);
		if (len)
			offer(before, buf, v6_word_meaning(w));
		snprintf(buf, sizeof(buf), "%s%.*s", before, (int)len, w->word);
		for (unsigned i = 0; !strcmp(w->word, "deny:ERRNO") && v6_errname_at(i); i++)
			if (v6_slice_begins(v6_slice_of(typed), buf))
				offer(buf, v6_errname_at(i), "");
	}
}

/* What option `id` may be set to. */
static void offer_values(const struct v6_command *c, int id, const char *before)
{
	const struct v6_option *own =
		id < V6_SETTING_COUNT ? NULL : &c->options[id - V6_SETTING_COUNT];
	struct v6_slice words = v6_slice_of(own && own->words ? own->words : "");

	while (words.len) {
		struct v6_slice one = v6_slice_cut(&words, ' ');
		char word[32];

		snprintf(word, sizeof(word), "%.*s", V6_SLICE(one));
		offer(before, word, "");
	}
	offer_list(before, own ? own->list : v6_setting_list((enum v6_setting)id));
	if (id == V6_SETTING_LOG || id == V6_SETTING_CONFIG)
		puts(":files");
}

static void offer_options(const struct v6_command *c)
{
	const struct v6_word *settings = v6_words(V6_LIST_SETTING);

	for (unsigned id = 0; c->settings && id < V6_SETTING_COUNT; id++)
		offer("--", settings[id].word, v6_word_meaning(&settings[id]));
	for (const struct v6_option *own = c->options; own && own->name; own++)
		offer("--", own->name, own->help);
	offer("--", "help", "usage, options, exit statuses");
}

static void offer_ports(void)
{
	static struct v6_sockets sockets;
	unsigned last = 0;

	v6_sockets_find(&sockets, 0);
	for (size_t i = 0; i < sockets.count; i++) {
		char port[8];

		snprintf(port, sizeof(port), "%d", sockets.list[i].local.port);
		if (sockets.list[i].local.port != last)
			offer("", port, "");
		last = sockets.list[i].local.port;
	}
}

/* The option that a word of ours is, whose value is the next one; otherwise -1. */
static int pending(const struct v6_command *c, const char *word)
{
	bool named = word[0] == '-' && word[1] == '-';
	int id = -1;

	if (word[0] == '-' && word[1] && (named || !word[2]))
		id = v6_option_find(c, v6_slice_of(named ? word + 2 : ""), named ? '\0' : word[1]);
	return id < V6_SETTING_COUNT || c->options[id - V6_SETTING_COUNT].value ? id : -1;
}

int v6_complete(char **words)
{
	const struct v6_command *c = NULL;
	const char *equals;
	bool ended = false, command;
	int id = -1, i = 1, last = 0;

	if (words[0] && !strcmp(words[0], "--"))
		words++;
	if (!words[0])
		return V6_EXIT_USAGE;
	while (words[last + 1])
		last++;
	typed = words[last];
	for (const struct v6_command *const *known = v6_commands; *known; known++) {
		if (!last || (last == 1 && !strcmp(words[0], "help")))
			offer("", (*known)->name, (*known)->summary);
		if (last && !strcmp(words[0], (*known)->name))
			c = *known;
	}
	if (!last && *typed == '-') {
		offer("", "--help", "");
		offer("", "--version", "");
	}
	if (!c)
		return V6_EXIT_OK;
	command = c->operands == V6_OPERANDS_COMMAND;
	for (; i < last && !ended && (id >= 0 || words[i][0] == '-' || !command); i++) {
		ended = id < 0 && !strcmp(words[i], "--");
		id = id < 0 ? pending(c, words[i]) : -1;
	}
	equals = strchr(typed, '=');
	if (id >= 0) {
		offer_values(c, id, "");
	} else if (i == last && !ended && !strncmp(typed, "--", 2) && equals) {
		struct v6_slice name = {typed + 2, (size_t)(equals - typed - 2)};
		char before[40];

		id = v6_option_find(c, name, '\0');
		snprintf(before, sizeof(before), "--%.*s=", V6_SLICE(name));
		if (id >= 0)
			offer_values(c, id, before);
	} else if (i == last && !ended && *typed == '-') {
		offer_options(c);
	} else if (command) {
		printf(":command %d\n", i);
	} else if (c->operands == V6_OPERANDS_FILES) {
		puts(":files");
	} else if (c->operands == V6_OPERANDS_PORTS) {
		offer_ports();
	} else if (c->operands == V6_OPERANDS_PROFILE && last == 1) {
		for (const struct v6_word *w = v6_words(V6_LIST_PROFILE) + 1;
			w->list == V6_LIST_PROFILE; w++)
			offer("", w->word, v6_word_meaning(w));
	}
	return V6_EXIT_OK;
}
