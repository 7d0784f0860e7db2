/*
 * Stands in for BuildKit's own buildctl where a Docker engine is the daemon: `buildctl [--addr unix://PATH] dial-stdio`
 * makes a connection to the engine's BuildKit of standard input and output.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char upgrade[] =
    "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written <= 0) exit(1);
    bytes += written;
    length -= (size_t)written;
  }
}

int main(int argc, char **argv) {
  const char *address = getenv("BUILDKIT_HOST");
  const char *command = "";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--addr") == 0 && i + 1 < argc) address = argv[++i];
    else command = argv[i];
  }
  if (strcmp(command, "dial-stdio") != 0) {
    fprintf(stderr, "buildctl: unknown command \"%s\"\n", command);
    return 1;
  }
  if (address == NULL) address = "unix:///run/buildkit/buildkitd.sock";
  if (strncmp(address, "unix://", 7) != 0) {
    fprintf(stderr, "buildctl: not a unix address: %s\n", address);
    return 1;
  }

  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, address + 7, sizeof name.sun_path - 1);
  int daemon = socket(AF_UNIX, SOCK_STREAM, 0);
  if (daemon < 0 || connect(daemon, (struct sockaddr *)&name, sizeof name) < 0) fail(name.sun_path);
  signal(SIGPIPE, SIG_IGN);
  write_all(daemon, upgrade, sizeof upgrade - 1);

  char head[4096];
  size_t length = 0;
  while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0) {
    if (length == sizeof head || read(daemon, head + length, 1) != 1) fail("no answer");
    length++;
  }
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
    fprintf(stderr, "buildctl: the engine refused: %.*s\n", 40, head);
    return 1;
  }

  static char buffer[1 << 16];
  struct pollfd fds[2] = {{.fd = 0, .events = POLLIN}, {.fd = daemon, .events = POLLIN}};
  while (fds[1].fd >= 0) {
    if (poll(fds, 2, -1) < 0) fail("poll");
    for (int i = 0; i < 2; i++) {
      if (fds[i].revents == 0) continue;
      ssize_t bytes = read(fds[i].fd, buffer, sizeof buffer);
      if (bytes > 0) write_all(i == 0 ? daemon : 1, buffer, (size_t)bytes);
      else {
        if (i == 0) shutdown(daemon, SHUT_WR);
        fds[i].fd = -1;
      }
    }
  }
  return 0;
}
