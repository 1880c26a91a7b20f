#include "sensor/letters.h"

#include <stdlib.h>
#include <string.h>

/* What stands before the text in the spool, in the machine's byte order. */
struct head {
    uint64_t session_id;
    struct mxt_address server;
    uint32_t type, version;
};
#define VERSION 1u

void mxt_letters_push(struct mxt_letters *list, struct mxt_letter *letter)
{
    letter->next = NULL;
    if (list->last != NULL)
        list->last->next = letter;
    else
        list->first = letter;
    list->last = letter;
    list->count++;
    list->bytes += letter->n;
}

struct mxt_letter *mxt_letters_pop(struct mxt_letters *list)
{
    struct mxt_letter *letter = list->first;
    if (letter == NULL)
        return NULL;
    list->first = letter->next;
    if (list->first == NULL)
        list->last = NULL;
    list->count--;
    list->bytes -= letter->n;
    return letter;
}

void mxt_letters_prepend(struct mxt_letters *list, struct mxt_letters *front)
{
    if (front->first == NULL)
        return;
    front->last->next = list->first;
    list->first = front->first;
    if (list->last == NULL)
        list->last = front->last;
    list->count += front->count;
    list->bytes += front->bytes;
    *front = (struct mxt_letters){0};
}

void mxt_letters_clear(struct mxt_letters *list)
{
    struct mxt_letter *letter;
    while ((letter = mxt_letters_pop(list)) != NULL)
        free(letter);
}

static struct mxt_letter *make(const char *json, size_t n)
{
    struct mxt_letter *letter = malloc(sizeof *letter + n);
    if (letter == NULL)
        return NULL;
    *letter = (struct mxt_letter){.n = n};
    memcpy(letter->json, json, n);
    return letter;
}

struct mxt_letter *mxt_letter_of(const struct mxt_parcel *parcel)
{
    struct mxt_letter *letter = make(parcel->json, parcel->n);
    if (letter == NULL)
        return NULL;
    letter->arrived_us = parcel->arrived_us;
    letter->type = parcel->type;
    letter->session_id = parcel->session_id;
    letter->server = parcel->server;
    return letter;
}

enum mxt_status mxt_letter_spool(const struct mxt_letter *letter, struct mxt_spool *spool)
{
    const struct head head = {letter->session_id, letter->server, letter->type, VERSION};
    return mxt_spool_append(spool, &head, sizeof head, letter->json, letter->n);
}

enum mxt_status mxt_parcel_spool(const struct mxt_parcel *parcel, struct mxt_spool *spool)
{
    const struct head head = {parcel->session_id, parcel->server, parcel->type, VERSION};
    return mxt_spool_append(spool, &head, sizeof head, parcel->json, parcel->n);
}

enum mxt_status mxt_letter_unspool(struct mxt_spool *spool, struct mxt_letter **out)
{
    const char *bytes;
    size_t n;
    struct mxt_spool_place place;
    struct head head;
    for (;;) {
        enum mxt_status status = mxt_spool_next(spool, &bytes, &n, &place);
        if (status != MXT_OK)
            return status;
        if (n < sizeof head)
            continue; /* none of ours, though its checksum is right: passed with the next acknowledgement */
        memcpy(&head, bytes, sizeof head);
        if (head.version == VERSION)
            break;
    }
    struct mxt_letter *letter = make(bytes + sizeof head, n - sizeof head);
    if (letter == NULL)
        return MXT_ENOMEM;
    letter->is_spooled = true;
    letter->place = place;
    letter->type = head.type;
    letter->session_id = head.session_id;
    letter->server = head.server;
    *out = letter;
    return MXT_OK;
}
