#include "rules/nearest.h"

#include <stddef.h>
#include <string.h>

#define WORD_MAX 64 /* longer words are nobody's slip of a key */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters to change, drop or add on the way from one word to the other (Levenshtein), a row of the table at a time. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[WORD_MAX + 1];
    size_t length = strlen(b);
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= length; j++) {
            unsigned changed = diagonal + (a[i] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(changed, 1 + least(row[j], row[j - 1]));
        }
    }
    return row[length];
}

void mxt_nearest_offer(struct mxt_nearest *nearest, const char *word)
{
    size_t n = strlen(nearest->wanted);
    if (n > WORD_MAX || strlen(word) > WORD_MAX)
        return;
    unsigned apart = distance(nearest->wanted, word);
    if (apart > 1 + n / 6 || apart >= strlen(word)) /* farther is another word */
        return;
    if (nearest->word == NULL || apart < nearest->distance) {
        nearest->word = word;
        nearest->distance = apart;
    }
}
