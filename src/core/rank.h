/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/rank.h - the ranking: who is how good, in O(log N) a question.
 *
 * One indexable skip list a group of members (Pugh 1990, "A skip list cookbook", section 3.4).
 * Order: better key first, equal keys by member index, so the order is total. A member's height is
 * a function of its index, so that no memory is needed beyond one block and the lists depend on
 * nothing but what is in them. Each link counts the members it passes and, apart, those of them
 * that may be donors.
 */
#ifndef PBTI_CORE_RANK_H
#define PBTI_CORE_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PBTI_RANK_LEVELS 10u /* each level holds a quarter of the one below: 4^10 > 1,000,000 */
#define PBTI_RANK_END UINT32_MAX

struct pbti_rank_link {
    uint32_t next;   /* member, or PBTI_RANK_END */
    uint32_t first;  /* of the next member's links: walking touches the links alone */
    double key;      /* of the next member */
    uint32_t passed; /* members after this one up to and including `next` (to the end if none) */
    uint32_t donors; /* those of them that may be donors */
};

struct pbti_rank_list {
    uint32_t count, donors;
    struct pbti_rank_link head[PBTI_RANK_LEVELS];
};

struct pbti_rank_entry {
    double key;     /* larger is better; -INFINITY for a score that is not finite; never NaN */
    uint32_t first; /* of its links */
    uint8_t levels;
    bool in; /* some list holds it */
    bool donor;
};

struct pbti_rank {
    struct pbti_rank_entry *entry; /* shape (members) */
    struct pbti_rank_link *link;   /* shape (pbti_rank_links(members)) */
};

/* Links that `members` members need. */
size_t pbti_rank_links(uint32_t members);
/* Empty everything. `rank` points at memory already. */
void pbti_rank_init(struct pbti_rank *rank, uint32_t members, struct pbti_rank_list *lists,
                    uint32_t lists_count);

/* A member is in at most one list, and always the same. */
void pbti_rank_insert(struct pbti_rank *rank, struct pbti_rank_list *list, uint32_t member,
                      double key, bool donor);
void pbti_rank_remove(struct pbti_rank *rank, struct pbti_rank_list *list, uint32_t member);

/* Place of a member that is in the list: 0 = best. */
uint32_t pbti_rank_of(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                      uint32_t member);
/* Member at a place; PBTI_RANK_END past the end. */
uint32_t pbti_rank_at(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                      uint32_t place);
/* How many of the first `places` members may be donors. */
uint32_t pbti_rank_donors(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                          uint32_t places);
/* The donor with `before` donors in front of it. Requires before < list->donors. */
uint32_t pbti_rank_donor_at(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                            uint32_t before);

#endif
