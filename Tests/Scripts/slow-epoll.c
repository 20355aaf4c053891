// Makes taking a socket out of an epoll set slow, to be preloaded into a process: what another thread does to the socket
// meanwhile shows.
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int epoll_ctl(int set, int operation, int descriptor, struct epoll_event *event) {
    if (operation == EPOLL_CTL_DEL) usleep(2000);
    return (int)syscall(SYS_epoll_ctl, set, operation, descriptor, event);
}
