#include "problem.h"

#include <errno.h>
#include <string.h>

#include "errname.h"
#include "nearest.h"
#include "profile.h"
#include "rules.h"
#include "settings.h"
#include "terms.h"

static void spell(struct v6_text *t, enum v6_setting id, enum v6_spelling spelling)
{
	if (spelling == V6_SPELL_ENV) {
		v6_setting_env_name(t, id);
		return;
	}
	if (spelling == V6_SPELL_OPTION)
		v6_text_str(t, "--");
	v6_text_str(t, v6_setting_name(id));
}

/* Where a text is cut that is longer than `most` bytes: not within a character. */
static size_t cut_at(struct v6_slice text, size_t most)
{
	size_t n = most;

	if (text.len <= most)
		return text.len;
	while (n && n + 4 > most && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
		n--;
	return v6_utf8_length(text.ptr + n, text.len - n) ? n : most;
}

static void shortened(struct v6_text *t, struct v6_slice text)
{
	enum { SHOWN = 80 };
	size_t n = cut_at(text, SHOWN);

	v6_text_safe(t, text.ptr, n);
	if (n < text.len)
		v6_text_str(t, "...");
}

static void quote(struct v6_text *t, struct v6_slice text)
{
	v6_text_char(t, '\'');
	shortened(t, text);
	v6_text_char(t, '\'');
}

/* Only where no line or rule has told the place already. */
static void at_column(struct v6_text *t, const struct v6_problem *p)
{
	if (p->rule || p->line)
		return;
	v6_text_str(t, " at column ");
	v6_text_uint(t, p->column);
}

/* "; did you mean 'X'", or nothing: whether there was an X. */
static bool suggest(struct v6_text *t, const struct v6_nearest *near)
{
	if (!near->word)
		return false;
	v6_text_str(t, "; did you mean '");
	v6_text_str(t, near->word);
	v6_text_char(t, '\'');
	return true;
}

/* What stands before the name in each spelling: no part of what was misspelt. */
static struct v6_slice unprefixed(struct v6_slice text, enum v6_spelling spelling)
{
	const char *prefix = spelling == V6_SPELL_ENV      ? "V6SHIM_"
			     : spelling == V6_SPELL_OPTION ? "--"
							   : "";

	return v6_slice_begins(text, prefix) ? v6_slice_from(text, strlen(prefix)) : text;
}

static void unknown_setting(
	struct v6_text *t, const struct v6_problem *p, enum v6_spelling spelling)
{
	struct v6_nearest near = v6_nearest_to(unprefixed(p->text, spelling));

	shortened(t, p->text);
	v6_text_str(t, ": unknown setting; ");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		v6_nearest_offer(&near, v6_setting_name(id));
	if (near.word) {
		v6_text_str(t, "did you mean '");
		spell(t, v6_setting_by_name(v6_slice_of(near.word)), spelling);
		v6_text_char(t, '\'');
		return;
	}
	v6_text_str(t, "valid: ");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (id)
			v6_text_str(t, ", ");
		spell(t, id, spelling);
	}
}

static void offer_aliases(struct v6_nearest *near)
{
	enum v6_profile profile;
	const char *name;

	for (unsigned i = 0; (name = v6_profile_alias(i, &profile)); i++)
		v6_nearest_offer(near, name);
}

static void unknown_value(struct v6_text *t, const struct v6_problem *p)
{
	struct v6_nearest near = v6_nearest_to(p->text);
	const char *word;

	if (p->text.len) {
		v6_text_str(t, "unknown value ");
		quote(t, p->text);
	} else {
		v6_text_str(t, "no value given");
	}
	for (unsigned i = 0; v6_setting_word(p->setting, i, &word); i++)
		v6_nearest_offer(&near, word);
	if (p->setting == V6_SETTING_PROFILE)
		offer_aliases(&near);
	if (suggest(t, &near))
		return;
	v6_text_str(t, "; valid: ");
	v6_setting_values(t, p->setting);
}

static void unknown_errno(struct v6_text *t, const struct v6_problem *p)
{
	struct v6_nearest near = v6_nearest_to(p->text);
	const char *name;

	v6_text_str(t, p->text.len ? "unknown errno " : "no errno given");
	if (p->text.len)
		quote(t, p->text);
	at_column(t, p);
	for (unsigned i = 0; (name = v6_errname_at(i)); i++)
		v6_nearest_offer(&near, name);
	if (!suggest(t, &near))
		v6_text_str(t, "; a symbolic name is meant, as in deny:EPERM");
}

static const char matcher_form[] = "program=GLOB, port=N or proto=NAME is meant";

static void unknown_matcher(struct v6_text *t, const struct v6_problem *p)
{
	struct v6_nearest near = v6_nearest_to(p->text);
	const char *name;

	if (memchr(p->text.ptr, '=', p->text.len)) {
		quote(t, p->text);
		v6_text_str(t, " is a setting, whose place is behind '=>'");
		return;
	}
	v6_text_str(t, "unknown matcher ");
	quote(t, p->text);
	for (unsigned i = 0; (name = v6_matcher_name_at(i)); i++)
		v6_nearest_offer(&near, name);
	if (suggest(t, &near))
		return;
	v6_text_str(t, "; ");
	v6_text_str(t, matcher_form);
}

static void list_rule_settings(struct v6_text *t)
{
	const char *comma = "; a rule may set ";

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (!v6_rule_may_set(id))
			continue;
		v6_text_str(t, comma);
		v6_text_str(t, v6_setting_name(id));
		comma = ", ";
	}
}

static void not_in_rule(struct v6_text *t, const struct v6_problem *p)
{
	struct v6_nearest near = v6_nearest_to(p->text);
	bool exists = v6_setting_by_name(p->text) != V6_SETTING_COUNT;

	if (memchr(p->text.ptr, '=', p->text.len)) {
		quote(t, p->text);
		v6_text_str(
			t, " is a matcher, whose place is before '=>'; a ';' begins a new rule");
		return;
	}
	v6_text_str(t, exists ? "no setting of a rule: " : "unknown setting ");
	quote(t, p->text);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (v6_rule_may_set(id))
			v6_nearest_offer(&near, v6_setting_name(id));
	if (exists || !suggest(t, &near))
		list_rule_settings(t);
}

static void unknown_proto(struct v6_text *t, const struct v6_problem *p)
{
	struct v6_nearest near = v6_nearest_to(p->text);
	const char *name;

	v6_text_str(t, "unknown protocol ");
	quote(t, p->text);
	for (unsigned i = 0; (name = v6_proto_name_at(i)); i++)
		v6_nearest_offer(&near, name);
	if (!suggest(t, &near))
		v6_text_str(t, "; a name as tcp or udp is meant, or a number up to 65535");
}

static void too_many(struct v6_text *t, const struct v6_problem *p)
{
	const char *what = p->limit == V6_RULES_MAX     ? " rules"
			   : p->limit == V6_RULE_RANGES ? " ports in one rule"
							: " protocols in one rule";

	v6_text_str(t, "there may be no more than ");
	v6_text_uint(t, p->limit);
	v6_text_str(t, what);
}

/* "'TEXT'" and then what is the matter with it. */
static void quoted(struct v6_text *t, const struct v6_problem *p, const char *what)
{
	quote(t, p->text);
	v6_text_str(t, what);
}

/* What the errors of open and read are in words: strerror(3) takes a lock. */
static const struct {
	int number;
	char words[40];
} file_errors[] = {
	{EACCES, "permission denied"},
	{EAGAIN, "nothing to read"},
	{EIO, "input/output error"},
	{EISDIR, "is a directory"},
	{ELOOP, "too many symbolic links"},
	{EMFILE, "too many open descriptors"},
	{ENAMETOOLONG, "name too long"},
	{ENFILE, "too many open files"},
	{ENOENT, "no such file"},
	{ENOTDIR, "a part of the path is no directory"},
	{ENXIO, "is a socket or a device"},
	{EPERM, "not permitted"},
};

static void unreadable(struct v6_text *t, const struct v6_problem *p)
{
	const char *name = v6_errname(p->error);

	v6_text_str(t, "cannot be read: ");
	for (unsigned i = 0; i < sizeof(file_errors) / sizeof(*file_errors); i++) {
		if (file_errors[i].number != p->error)
			continue;
		v6_text_str(t, file_errors[i].words);
		v6_text_str(t, " (");
		v6_text_str(t, name);
		v6_text_char(t, ')');
		return;
	}
	if (name)
		v6_text_str(t, name);
	else
		v6_text_int(t, p->error);
}

/* Values of settings that are no plain words. */
static void bad_value(struct v6_text *t, const struct v6_problem *p)
{
	switch (p->kind) {
	case V6_PROBLEM_NOT_ABSOLUTE:
		if (p->text.len)
			quoted(t, p, " is not an absolute path");
		else
			v6_text_str(t, "no value given; an absolute path is meant");
		break;
	case V6_PROBLEM_TOO_LONG:
		quoted(t, p, " is longer than ");
		v6_text_uint(t, V6_PATH_SIZE - 1);
		v6_text_str(t, " bytes");
		break;
	case V6_PROBLEM_CONVERSION:
		quote(t, p->text);
		at_column(t, p);
		v6_text_str(t, " is no conversion; valid: %p, %n, %%");
		break;
	case V6_PROBLEM_DESCRIPTOR:
		v6_text_str(t, p->text.len ? "" : "no descriptor's number given");
		if (p->text.len)
			quote(t, p->text);
		at_column(t, p);
		v6_text_str(t, p->text.len ? " is no descriptor's number" : "");
		break;
	default:
		quoted(t, p, " is a directory, a file is meant");
	}
}

static void no_item(struct v6_text *t, const struct v6_problem *p)
{
	bool empty = p->text.ptr[p->text.len - 1] == '=';

	quoted(t, p, empty ? " has no value" : " has an empty item in its list");
}

static void bad_rule(struct v6_text *t, const struct v6_problem *p)
{
	switch (p->kind) {
	case V6_PROBLEM_NO_ARROW:
		quoted(t, p, " is no rule: '=>' is missing between matchers and settings");
		break;
	case V6_PROBLEM_NO_SETTINGS:
		v6_text_str(t, "no setting after '=>'");
		break;
	case V6_PROBLEM_NO_MATCHER:
		quoted(t, p, " is no matcher; ");
		v6_text_str(t, matcher_form);
		break;
	case V6_PROBLEM_NO_SETTING:
		quoted(t, p, " is no setting=value; no blanks stand around its '='");
		break;
	case V6_PROBLEM_NOT_WITH_PORT:
		quoted(t, p,
			" cannot be set by a rule with port=, which acts at bind and listen only");
		break;
	case V6_PROBLEM_TWICE:
		quoted(t, p, " is given twice");
		break;
	case V6_PROBLEM_PORT:
		quoted(t, p, " is no port; a number from 0 to 65535 is meant, or N-M");
		break;
	case V6_PROBLEM_PORT_ORDER:
		quoted(t, p, " ends before it begins");
		break;
	case V6_PROBLEM_GLOB_BYTES:
		quoted(t, p, " has bytes that are no text; '?' matches any");
		break;
	default:
		quoted(t, p, " has a '[' without its ']'");
	}
}

static void set_twice(struct v6_text *t, const struct v6_problem *p)
{
	v6_text_str(t, "set already, in line ");
	v6_text_uint(t, p->first);
}

static void bad_file(struct v6_text *t, const struct v6_problem *p)
{
	switch (p->kind) {
	case V6_PROBLEM_NO_LINE:
		quoted(t, p, " is neither 'setting = value' nor a rule 'matcher => setting=value'");
		break;
	case V6_PROBLEM_NO_NAME:
		v6_text_str(t, "no setting's name before '='");
		break;
	case V6_PROBLEM_SET_TWICE:
		set_twice(t, p);
		break;
	case V6_PROBLEM_NOT_IN_FILE:
		v6_text_str(t, "a configuration file cannot name another");
		break;
	case V6_PROBLEM_NUL:
		v6_text_str(t, "a NUL byte: this is no text file");
		break;
	case V6_PROBLEM_FILE_SIZE:
		v6_text_str(t, "larger than ");
		v6_text_uint(t, p->limit);
		v6_text_str(t, " bytes");
		break;
	case V6_PROBLEM_FILE_PIPE:
		v6_text_str(t, "is a pipe; a file is meant, for each program reads it anew");
		break;
	default:
		unreadable(t, p);
	}
}

static void reason(struct v6_text *t, const struct v6_problem *p)
{
	switch (p->kind) {
	case V6_PROBLEM_UNKNOWN_VALUE:
		unknown_value(t, p);
		break;
	case V6_PROBLEM_UNKNOWN_ERRNO:
		unknown_errno(t, p);
		break;
	case V6_PROBLEM_UNKNOWN_MATCHER:
		unknown_matcher(t, p);
		break;
	case V6_PROBLEM_NOT_IN_RULE:
		not_in_rule(t, p);
		break;
	case V6_PROBLEM_NO_ITEM:
		no_item(t, p);
		break;
	case V6_PROBLEM_PROTO:
		unknown_proto(t, p);
		break;
	case V6_PROBLEM_TOO_MANY:
		too_many(t, p);
		break;
	default:
		if (p->kind < V6_PROBLEM_NO_ARROW)
			bad_value(t, p);
		else if (p->kind < V6_PROBLEM_NO_LINE)
			bad_rule(t, p);
		else
			bad_file(t, p);
	}
}

/* The end of a path is what tells it from others. */
static void file_name(struct v6_text *t, struct v6_slice path)
{
	enum { SHOWN = 200 };

	if (path.len > SHOWN) {
		path = v6_slice_from(path, path.len - SHOWN);
		while (((unsigned char)*path.ptr & 0xc0) == 0x80 && path.len > SHOWN - 4)
			path = v6_slice_from(path, 1);
		v6_text_str(t, "...");
	}
	v6_text_safe(t, path.ptr, path.len);
}

static void place(struct v6_text *t, const struct v6_problem *p, enum v6_spelling spelling)
{
	if (p->file.len) {
		file_name(t, p->file);
		if (p->line) {
			v6_text_char(t, ':');
			v6_text_uint(t, p->line);
			v6_text_char(t, ':');
			v6_text_uint(t, p->column);
		}
		v6_text_str(t, ": ");
	} else if (p->rule) {
		spell(t, V6_SETTING_RULES, spelling);
		v6_text_str(t, ": rule ");
		v6_text_uint(t, p->rule);
		v6_text_str(t, ", column ");
		v6_text_uint(t, p->column);
		v6_text_str(t, ": ");
	}
}

/* Whether the setting is to be named: not that of rules, where one rule is the matter. */
static bool named(const struct v6_problem *p)
{
	if (p->setting == V6_SETTING_RULES)
		return p->kind == V6_PROBLEM_SET_TWICE || !(p->file.len || p->rule);
	return p->setting != V6_SETTING_COUNT;
}

void v6_problem_text(struct v6_text *t, const struct v6_problem *p, enum v6_spelling spelling)
{
	place(t, p, spelling);
	if (p->kind == V6_PROBLEM_UNKNOWN_SETTING) {
		unknown_setting(t, p, spelling);
		return;
	}
	if (named(p)) {
		spell(t, p->setting, p->file.len || p->rule ? V6_SPELL_NAME : spelling);
		v6_text_str(t, ": ");
	}
	reason(t, p);
}
