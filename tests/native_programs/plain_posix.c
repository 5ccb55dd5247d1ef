/* What a program that has never heard of smipc does with the same objects, for tests: only POSIX.
 *
 *   plain_posix sem-wait NAME      waits for the semaphore, takes one
 *   plain_posix sem-post NAME      gives one
 *   plain_posix sem-create NAME N  creates it with the value N
 *   plain_posix shm-read NAME      prints the first line of the memory
 *   plain_posix shm-write NAME S   writes S and a newline to its beginning
 *   plain_posix shm-create NAME N  creates it with N bytes
 *
 * Prints what it found; exits with 1 and errno's text when a call fails. */
#define _XOPEN_SOURCE 700
#include <stdio.h>

#if defined(_WIN32)
int main(void) {
  puts("no POSIX here");
  return 2;
}
#else
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what) {
  perror(what);
  return 1;
}

static int use_semaphore(const char *verb, const char *name, const char *argument) {
  sem_t *semaphore;
  int value = 0;
  if (strcmp(verb, "sem-create") == 0) {
    semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, (unsigned)atoi(argument));
  } else {
    semaphore = sem_open(name, 0);
  }
  if (semaphore == SEM_FAILED) return failed("sem_open");
  if (strcmp(verb, "sem-wait") == 0 && sem_wait(semaphore) != 0) return failed("sem_wait");
  if (strcmp(verb, "sem-post") == 0 && sem_post(semaphore) != 0) return failed("sem_post");
  if (sem_getvalue(semaphore, &value) != 0) return failed("sem_getvalue");
  printf("%d\n", value);
  return 0;
}

static int use_memory(const char *verb, const char *name, const char *argument) {
  const int create = strcmp(verb, "shm-create") == 0;
  const int fd = shm_open(name, create ? O_RDWR | O_CREAT | O_EXCL : O_RDWR, 0600);
  struct stat info;
  char *data;
  if (fd < 0) return failed("shm_open");
  if (create && ftruncate(fd, atol(argument)) != 0) return failed("ftruncate");
  if (fstat(fd, &info) != 0) return failed("fstat");
  if (info.st_size > 0) {
    data = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return failed("mmap");
    if (strcmp(verb, "shm-write") == 0) sprintf(data, "%s\n", argument);
    if (strcmp(verb, "shm-read") == 0) printf("%.*s\n", (int)strcspn(data, "\n"), data);
  }
  printf("%ld\n", (long)info.st_size);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (strncmp(argv[1], "sem-", 4) == 0) {
    return use_semaphore(argv[1], argv[2], argc > 3 ? argv[3] : "0");
  }
  return use_memory(argv[1], argv[2], argc > 3 ? argv[3] : "");
}
#endif
