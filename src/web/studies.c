/* SPDX-License-Identifier: Apache-2.0 */
/* web/studies.c - finding studies, and reading them when somebody asks. */
#include "web/studies.h"

#include "base/fail.h"
#include "study/study_journal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static pbt_status no_memory(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
}

/* -------- finding -------- */

static pbt_status add_study(struct pbti_studies *studies, const char *name, const char *dir,
                            struct pbt_error *err)
{
    struct pbti_watched *const study = &studies->study[studies->count];
    *study = (struct pbti_watched){.name = strdup(name),
                                   .dir = strdup(dir),
                                   .journal = studies->many ? NULL : studies->journal};
    if (study->name == NULL || study->dir == NULL) {
        free(study->name);
        free(study->dir);
        return no_memory(err);
    }
    studies->names[studies->count++] = study->name;
    return PBT_OK;
}

static bool is_known(const struct pbti_studies *studies, const char *name)
{
    for (size_t i = 0; i < studies->count; i++) {
        if (strcmp(studies->names[i], name) == 0) { return true; }
    }
    return false;
}

pbt_status pbti_studies_scan(struct pbti_studies *studies, struct pbt_error *err)
{
    if (!studies->many) { return PBT_OK; }
    struct dirent **entries = NULL;
    int const count = scandir(studies->path, &entries, NULL, alphasort);
    if (count < 0) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not read folder \"%s\": %s", studies->path,
                         strerror(errno));
    }
    pbt_status status = PBT_OK;
    for (int i = 0; i < count; i++) {
        const char *const name = entries[i]->d_name;
        char dir[PATH_MAX];
        bool const wanted =
            name[0] != '.' && studies->count < PBTI_STUDIES_MAX && !is_known(studies, name) &&
            snprintf(dir, sizeof dir, "%s/%s", studies->path, name) < (int)sizeof dir &&
            pbti_study_is_at(dir);
        if (wanted && status == PBT_OK) { status = add_study(studies, name, dir, err); }
        free(entries[i]);
    }
    free(entries);
    return status;
}

pbt_status pbti_studies_open(struct pbti_studies *studies, const char *path, const char *journal,
                             struct pbt_error *err)
{
    char dir[PATH_MAX];
    memset(studies, 0, sizeof *studies);
    PBTI_TRY(pbti_study_folder_of(path, dir, err));
    studies->path = strdup(dir);
    studies->journal = journal;
    studies->study = calloc(PBTI_STUDIES_MAX, sizeof *studies->study);
    if (studies->path == NULL || studies->study == NULL) { return no_memory(err); }
    if (pbti_study_is_at(studies->path)) { return add_study(studies, "study", studies->path, err); }
    struct stat info;
    if (stat(studies->path, &info) == 0 && S_ISDIR(info.st_mode)) {
        studies->many = true;
        PBTI_TRY(pbti_studies_scan(studies, err));
        if (studies->count > 0) { return PBT_OK; }
    }
    pbt_status const status =
        PBTI_FAIL(err, PBT_ENOENT, 0, "there is no study in \"%s\"", studies->path);
    pbti_fail_hint(err, "give the folder that `pbt run` made, or a folder of such folders");
    return status;
}

void pbti_studies_close(struct pbti_studies *studies)
{
    for (size_t i = 0; i < studies->count; i++) {
        struct pbti_watched *const study = &studies->study[i];
        pbti_document_close(study->document);
        pbti_study_reader_close(study->brief);
        pbti_str_deinit(&study->text);
        free(study->name);
        free(study->dir);
    }
    free(studies->study);
    free(studies->path);
    memset(studies, 0, sizeof *studies);
}

/* -------- reading -------- */

pbt_status pbti_watched_update(struct pbti_watched *study, struct pbt_error *err)
{
    if (study->document == NULL) {
        struct pbti_document_opts opts = pbti_document_opts_default();
        opts.journal = study->journal;
        PBTI_TRY(pbti_document_open(study->dir, &opts, &study->document, err));
    } else {
        pbt_status const status =
            pbti_study_reader_update(pbti_document_reading(study->document), 0, err);
        if (status != PBT_OK) { /* read it anew next time: it may have been replaced */
            pbti_document_close(study->document);
            study->document = NULL;
            study->text_seq = 0;
            return status;
        }
    }
    study->seq = pbti_state_seq(pbti_study_reader_state(pbti_document_reading(study->document)));
    return PBT_OK;
}

pbt_status pbti_watched_document(struct pbti_watched *study, struct pbt_error *err)
{
    PBTI_TRY(pbti_watched_update(study, err));
    if (study->text_seq == study->seq) { return PBT_OK; }
    pbti_str_clear(&study->text);
    study->text_seq = 0;
    PBTI_TRY(pbti_document_add(study->document, &study->text, err));
    study->text_seq = study->seq;
    return PBT_OK;
}

pbt_status pbti_watched_brief(struct pbti_watched *study, struct pbt_error *err)
{
    if (study->brief == NULL) {
        return pbti_study_reader_open(study->dir, NULL, &study->brief, err);
    }
    pbt_status const status = pbti_study_reader_update(study->brief, 0, err);
    if (status == PBT_OK) { return PBT_OK; }
    pbti_study_reader_close(study->brief);
    study->brief = NULL;
    return status;
}
