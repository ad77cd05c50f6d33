/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/postgres_server.c - see postgres_server.h. */
#include "postgres_server.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_script(const int in[2], const int out[2], bool durable)
{
    const char *const source = getenv("PBT_SOURCE_DIR");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/tests/support/postgres_server.py",
                   source != NULL ? source : ".");
    (void)dup2(in[0], STDIN_FILENO);
    (void)dup2(out[1], STDOUT_FILENO);
    (void)execl("/usr/bin/python3", "python3", path, durable ? "--durable" : NULL, (char *)NULL);
    _exit(1);
}

bool postgres_start(struct postgres_server *server, bool durable)
{
    int in[2];
    int out[2];
    memset(server, 0, sizeof *server);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) { abort(); }
    server->pid = fork();
    if (server->pid == 0) { run_script(in, out, durable); }
    (void)close(in[0]);
    (void)close(out[1]);
    server->to = fdopen(in[1], "w");
    server->from = fdopen(out[0], "r");
    char line[512];
    if (fgets(line, sizeof line, server->from) != NULL &&
        sscanf(line, "%255s %d", server->folder, &server->port) == 2) {
        return true;
    }
    int status = 0;
    (void)fclose(server->to);
    (void)fclose(server->from);
    (void)waitpid(server->pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) { return false; }
    (void)fprintf(stderr, "the PostgreSQL server could not be started\n");
    exit(1);
}

void postgres_stop(struct postgres_server *server)
{
    (void)fclose(server->to);
    (void)fclose(server->from);
    (void)waitpid(server->pid, NULL, 0);
}

const char *postgres_command(struct postgres_server *server, const char *format, ...)
{
    static char answer[4096];
    va_list args;
    va_start(args, format);
    (void)vfprintf(server->to, format, args);
    va_end(args);
    (void)fputs("\n", server->to);
    if (fflush(server->to) != 0 || fgets(answer, sizeof answer, server->from) == NULL) {
        (void)fprintf(stderr, "the PostgreSQL server's script has ended\n");
        exit(1);
    }
    answer[strcspn(answer, "\n")] = '\0';
    return answer;
}

char *postgres_url(const struct postgres_server *server, const char *host, int port)
{
    char *url = NULL;
    if (asprintf(&url, "postgresql://pbt@/pbt?host=%s&port=%d#",
                 host != NULL ? host : server->folder, port != 0 ? port : server->port) < 0) {
        abort();
    }
    return url;
}
