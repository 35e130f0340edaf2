#include "profile.h"

#include <string.h>

#define ROW(id, name, title, settings) {name, title, settings},
static const struct {
	char name[16];
	char title[56];
	char settings[120];
} profiles[] = {{"", "", ""}, V6_PROFILES(ROW)};

static const struct {
	char name[16];
	uint8_t profile;
} aliases[] = {
	{"openindiana", V6_PROFILE_ILLUMOS},
	{"solaris", V6_PROFILE_ILLUMOS},
};

enum { ALIASES = sizeof(aliases) / sizeof(*aliases) };

const char *v6_profile_name(enum v6_profile profile)
{
	return profiles[profile].name;
}

const char *v6_profile_title(enum v6_profile profile)
{
	return profiles[profile].title;
}

const char *v6_profile_settings(enum v6_profile profile)
{
	return profiles[profile].settings;
}

enum v6_profile v6_profile_by_name(struct v6_slice name)
{
	unsigned i = V6_PROFILE_NONE + 1;

	for (unsigned a = 0; a < ALIASES; a++)
		if (v6_slice_is(name, aliases[a].name))
			return aliases[a].profile;
	while (i < V6_PROFILE_COUNT && !v6_slice_is(name, profiles[i].name))
		i++;
	return i;
}

const char *v6_profile_alias(unsigned i, enum v6_profile *profile)
{
	if (i >= ALIASES)
		return NULL;
	*profile = aliases[i].profile;
	return aliases[i].name;
}
