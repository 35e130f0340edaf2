#include <stdio.h>

#include "../command.h"

/* The word at the cursor is `before` and `typed`; what it may become begins with the one. */
static struct v6_slice before;
static const char *typed;

static void offer(const char *word, size_t len, const char *meaning)
{
	if (len && v6_slice_begins((struct v6_slice){word, len}, typed))
		printf("%.*s%.*s\t%s\n", V6_SLICE(before), (int)len, word, meaning);
}

/* The words of a list from that one on; of what is open, as deny:ERRNO, the beginning. */
static void offer_list(const struct v6_word *w)
{
	for (enum v6_list list = w->list; w->list == list; w++)
		offer(w->word, strcspn(w->word, "ENR/"), v6_word_meaning(w));
}

/* What option `id` may be set to. */
static void offer_values(const struct v6_command *c, int id)
{
	const struct v6_option *own = v6_option_own(c, id);
	struct v6_slice rest = v6_slice_of(own && own->words ? own->words : ""), word;

	while ((word = v6_slice_word(&rest)).len)
		offer(word.ptr, word.len, "");
	if (!own && v6_setting_list(id))
		offer_list(v6_words(v6_setting_list(id)));
	if (id == V6_SETTING_LOG || id == V6_SETTING_CONFIG)
		puts(":files");
}

static void offer_options(const struct v6_command *c)
{
	if (typed[1] && typed[1] != '-')
		return;
	before = v6_slice_of("--");
	typed += strspn(typed, "-");
	if (c->settings)
		offer_list(v6_words(V6_LIST_SETTING));
	for (const struct v6_option *own = c->options; own && own->name; own++)
		offer(own->name, strlen(own->name), own->help);
	offer("help", 4, "usage, options, exit statuses");
}

/* The option that a word of ours is, whose value is the next one; otherwise -1. */
static int pending(const struct v6_command *c, const char *word)
{
	bool named = word[0] == '-' && word[1] == '-';
	const struct v6_option *own;
	int id = -1;

	if (word[0] == '-' && word[1] && (named || !word[2]))
		id = v6_option_find(c, v6_slice_of(named ? word + 2 : ""), named ? '\0' : word[1]);
	own = v6_option_own(c, id);
	return own && !own->value ? -1 : id;
}

int v6_complete(char **words)
{
	const struct v6_command *c = NULL;
	bool ended = false, command;
	const char *equals;
	int id = -1, i = 1;

	if (words[0] && !strcmp(words[0], "--"))
		words++;
	if (!words[0])
		return V6_EXIT_USAGE;
	typed = words[0];
	for (const struct v6_command *const *known = v6_commands; *known; known++) {
		if (!words[1])
			offer((*known)->name, strlen((*known)->name), (*known)->summary);
		else if (!strcmp(words[0], (*known)->name))
			c = *known;
	}
	if (!c)
		return V6_EXIT_OK;
	command = c->operands == V6_OPERANDS_COMMAND;
	for (; words[i + 1] && !ended && (id >= 0 || words[i][0] == '-' || !command); i++) {
		ended = id < 0 && !strcmp(words[i], "--");
		id = id < 0 ? pending(c, words[i]) : -1;
	}
	typed = words[i];
	ended |= words[i + 1] != NULL;
	equals = strchr(typed, '=');
	if (id < 0 && !ended && !strncmp(typed, "--", 2) && equals) {
		before = (struct v6_slice){typed, (size_t)(equals + 1 - typed)};
		id = v6_option_find(c, (struct v6_slice){typed + 2, before.len - 3}, '\0');
		typed = equals + 1;
	}
	if (id >= 0)
		offer_values(c, id);
	else if (!ended && *typed == '-')
		offer_options(c);
	else if (command)
		printf(":command %d\n", i);
	else if (c->operands == V6_OPERANDS_FILES)
		puts(":files");
	else if (c->operands == V6_OPERANDS_PROFILE && i == 1)
		offer_list(v6_words(V6_LIST_PROFILE) + 1);
	return V6_EXIT_OK;
}
