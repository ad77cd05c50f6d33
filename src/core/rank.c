/* SPDX-License-Identifier: Apache-2.0 */
/* core/rank.c - indexable skip lists over members; see rank.h. */
#include "core/rank.h"

#include <assert.h>
#include <math.h>

/* 1 with probability 3/4, 2 with 3/16, ...: by the trailing bits of a mixed index (splitmix64). */
static uint8_t height_of(uint32_t member)
{
    uint64_t mixed = member + 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    mixed ^= mixed >> 31;
    uint8_t levels = 1;
    while (levels < PBTI_RANK_LEVELS && (mixed & 3u) == 0) {
        mixed >>= 2;
        levels++;
    }
    return levels;
}

size_t pbti_rank_links(uint32_t members)
{
    size_t links = 0;
    for (uint32_t i = 0; i < members; i++) {
        links += height_of(i);
    }
    return links;
}

void pbti_rank_init(struct pbti_rank *rank, uint32_t members, struct pbti_rank_list *lists,
                    uint32_t lists_count)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < members; i++) {
        uint8_t const levels = height_of(i);
        rank->entry[i] = (struct pbti_rank_entry){.first = first, .levels = levels};
        for (uint32_t level = 0; level < levels; level++) {
            rank->link[first + level] = (struct pbti_rank_link){.next = PBTI_RANK_END};
        }
        first += levels;
    }
    for (uint32_t i = 0; i < lists_count; i++) {
        lists[i].count = lists[i].donors = 0;
        for (uint32_t level = 0; level < PBTI_RANK_LEVELS; level++) {
            lists[i].head[level] = (struct pbti_rank_link){.next = PBTI_RANK_END};
        }
    }
}

/* Does the member that the link leads to stand before (key, member)? */
static bool leads_before(const struct pbti_rank_link *link, double key, uint32_t member)
{
    if (link->next == PBTI_RANK_END) { return false; }
    return link->key != key ? link->key > key : link->next < member;
}

/* Where a member belongs: on each level the link that passes its place, and what lies before. */
struct path {
    struct pbti_rank_link *link[PBTI_RANK_LEVELS];
    uint32_t passed[PBTI_RANK_LEVELS]; /* members up to the owner of that link */
    uint32_t donors[PBTI_RANK_LEVELS];
};

static void find_path(struct pbti_rank *rank, struct pbti_rank_list *list, uint32_t member,
                      struct path *path)
{
    struct pbti_rank_link *links = list->head;
    double const key = rank->entry[member].key;
    uint32_t passed = 0;
    uint32_t donors = 0;
    for (uint32_t level = PBTI_RANK_LEVELS; level-- > 0;) {
        while (leads_before(&links[level], key, member)) {
            passed += links[level].passed;
            donors += links[level].donors;
            links = rank->link + links[level].first;
        }
        path->link[level] = &links[level];
        path->passed[level] = passed;
        path->donors[level] = donors;
    }
}

void pbti_rank_insert(struct pbti_rank *rank, struct pbti_rank_list *list, uint32_t member,
                      double key, bool donor)
{
    struct pbti_rank_entry *const entry = &rank->entry[member];
    assert(!entry->in && !isnan(key));
    entry->key = key;
    entry->in = true;
    entry->donor = donor;
    struct path path;
    find_path(rank, list, member, &path);
    uint32_t const one = donor ? 1 : 0;
    for (uint32_t level = 0; level < PBTI_RANK_LEVELS; level++) {
        struct pbti_rank_link *const before = path.link[level];
        before->passed++;
        before->donors += one;
        if (level >= entry->levels) { continue; }
        /* the link is cut in two at the member's place */
        uint32_t const near = path.passed[0] - path.passed[level] + 1;
        uint32_t const near_donors = path.donors[0] - path.donors[level] + one;
        struct pbti_rank_link *const own = &rank->link[entry->first + level];
        *own = *before;
        own->passed -= near;
        own->donors -= near_donors;
        *before = (struct pbti_rank_link){member, entry->first, key, near, near_donors};
    }
    list->count++;
    list->donors += one;
}

void pbti_rank_remove(struct pbti_rank *rank, struct pbti_rank_list *list, uint32_t member)
{
    struct pbti_rank_entry *const entry = &rank->entry[member];
    assert(entry->in);
    struct path path;
    find_path(rank, list, member, &path);
    uint32_t const one = entry->donor ? 1 : 0;
    for (uint32_t level = 0; level < PBTI_RANK_LEVELS; level++) {
        struct pbti_rank_link *const before = path.link[level];
        if (level < entry->levels) {
            assert(before->next == member);
            const struct pbti_rank_link *const own = &rank->link[entry->first + level];
            before->next = own->next;
            before->first = own->first;
            before->key = own->key;
            before->passed += own->passed;
            before->donors += own->donors;
        }
        before->passed--;
        before->donors -= one;
    }
    list->count--;
    list->donors -= one;
    entry->in = false;
}

uint32_t pbti_rank_of(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                      uint32_t member)
{
    assert(rank->entry[member].in);
    const struct pbti_rank_link *links = list->head;
    double const key = rank->entry[member].key;
    uint32_t passed = 0;
    for (uint32_t level = PBTI_RANK_LEVELS; level-- > 0;) {
        while (leads_before(&links[level], key, member)) {
            passed += links[level].passed;
            links = rank->link + links[level].first;
        }
    }
    return passed;
}

uint32_t pbti_rank_at(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                      uint32_t place)
{
    if (place >= list->count) { return PBTI_RANK_END; }
    const struct pbti_rank_link *links = list->head;
    uint32_t left = place + 1;
    uint32_t member = PBTI_RANK_END;
    for (uint32_t level = PBTI_RANK_LEVELS; level-- > 0 && left > 0;) {
        while (links[level].next != PBTI_RANK_END && links[level].passed <= left) {
            left -= links[level].passed;
            member = links[level].next;
            links = rank->link + links[level].first;
        }
    }
    return member;
}

uint32_t pbti_rank_donors(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                          uint32_t places)
{
    const struct pbti_rank_link *links = list->head;
    uint32_t left = places;
    uint32_t donors = 0;
    for (uint32_t level = PBTI_RANK_LEVELS; level-- > 0;) {
        while (links[level].next != PBTI_RANK_END && links[level].passed <= left) {
            left -= links[level].passed;
            donors += links[level].donors;
            links = rank->link + links[level].first;
        }
    }
    return donors;
}

uint32_t pbti_rank_donor_at(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                            uint32_t before)
{
    assert(before < list->donors);
    const struct pbti_rank_link *links = list->head;
    uint32_t left = before;
    /* stop in front of the first link that passes one donor more than `before`: its end is the
     * one */
    for (uint32_t level = PBTI_RANK_LEVELS; level-- > 0;) {
        while (links[level].next != PBTI_RANK_END && links[level].donors <= left) {
            left -= links[level].donors;
            links = rank->link + links[level].first;
        }
    }
    return links[0].next;
}
