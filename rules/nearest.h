/* The word that was probably meant, for messages about an unknown one. */
#ifndef MXT_RULES_NEAREST_H
#define MXT_RULES_NEAREST_H

/* The search for the word nearest to `wanted`; zeroed but for it. */
struct mxt_nearest {
    const char *wanted;
    const char *word; /* the nearest so far that is near enough to be meant; NULL: none */
    unsigned distance;
};

/* Offers a known word, which lives as long as the search. */
void mxt_nearest_offer(struct mxt_nearest *nearest, const char *word);

#endif
