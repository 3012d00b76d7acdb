#include <stdlib.h>
#include <string.h>

#include "traffic.h"

static char **words;

void set_options(char **list) { words = list; }

char **option_words(void) { return words; }

const char *option(const char *name, const char *otherwise) {
  const size_t length = strlen(name);
  for (char **word = words; *word != NULL; word++) {
    if (strncmp(*word, name, length) == 0 && (*word)[length] == '=') return *word + length + 1;
  }
  return otherwise;
}

long number(const char *name, long otherwise) {
  const char *text = option(name, NULL);
  return text == NULL ? otherwise : strtol(text, NULL, 10);
}

int is_how(const char *way) { return strcmp(option("how", "plain"), way) == 0; }
