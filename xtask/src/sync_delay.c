// Makes each sync of a file take longer, as a slower disk would: loaded before libc (LD_PRELOAD) into
// PostgreSQL, or into the program that has SQLite in it. JUBAO_SYNC_DELAY_US says by how much.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_longer(void) {
    const char *text = getenv("JUBAO_SYNC_DELAY_US");
    if (text) usleep((useconds_t)atoi(text));
}

int fsync(int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_longer();
    return real(file);
}

int fdatasync(int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_longer();
    return real(file);
}
