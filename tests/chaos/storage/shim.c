/* Fails the nth call of one kind on the ledger's files, for tests: LD_PRELOAD this, then call shim_arm through ctypes.
 *
 * kind 1: pwrite   2: fsync and fdatasync   3: ftruncate   4: pread
 * nth counts from 1; once = 0 fails every call from the nth on. half = 1 lets the first half of a pwrite through. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static volatile int armed_kind, armed_nth, armed_errno, armed_once, armed_half;
static volatile int counts[8];

void shim_arm(int kind, int nth, int error, int once, int half) {
    for (int i = 0; i < 8; i++) counts[i] = 0;
    armed_nth = nth; armed_errno = error; armed_once = once; armed_half = half;
    armed_kind = kind;
}

int shim_count(int kind) { return counts[kind]; }

static int ours(int descriptor) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/ledger.db") != NULL;
}

static int fails(int kind, int descriptor) {
    if (!ours(descriptor)) return 0;
    int count = __sync_add_and_fetch(&counts[kind], 1);
    if (kind != armed_kind || count < armed_nth) return 0;
    if (armed_once && count != armed_nth) return 0;
    return 1;
}

#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static ssize_t write_at(const char *name, int fd, const void *data, size_t size, off_t offset) {
    ssize_t (*next)(int, const void *, size_t, off_t) = NEXT(ssize_t, name, int, const void *, size_t, off_t);
    if (!fails(1, fd)) return next(fd, data, size, offset);
    if (armed_half && size > 1) next(fd, data, size / 2, offset);
    errno = armed_errno;
    return -1;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return write_at("pwrite", fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return write_at("pwrite64", fd, data, size, offset); }

static ssize_t read_at(const char *name, int fd, void *data, size_t size, off_t offset) {
    ssize_t (*next)(int, void *, size_t, off_t) = NEXT(ssize_t, name, int, void *, size_t, off_t);
    if (!fails(4, fd)) return next(fd, data, size, offset);
    errno = armed_errno;
    return -1;
}
ssize_t pread(int fd, void *data, size_t size, off_t offset) { return read_at("pread", fd, data, size, offset); }
ssize_t pread64(int fd, void *data, size_t size, off_t offset) { return read_at("pread64", fd, data, size, offset); }

static int sync_file(const char *name, int fd) {
    if (!fails(2, fd)) return NEXT(int, name, int)(fd);
    errno = armed_errno;
    return -1;
}
int fsync(int fd) { return sync_file("fsync", fd); }
int fdatasync(int fd) { return sync_file("fdatasync", fd); }

static int cut(const char *name, int fd, off_t size) {
    if (!fails(3, fd)) return NEXT(int, name, int, off_t)(fd, size);
    errno = armed_errno;
    return -1;
}
int ftruncate(int fd, off_t size) { return cut("ftruncate", fd, size); }
int ftruncate64(int fd, off_t size) { return cut("ftruncate64", fd, size); }
