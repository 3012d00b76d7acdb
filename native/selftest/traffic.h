// Known traffic: programs that use the network in one way each and tell what they did as they know it themselves, one JSON line for each end of a
// connection on standard output. Nothing here is shared with what is tested.
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

// The kernel's SCTP has the calls of TCP in its one-to-one style; raw datagrams have a protocol number that is left for experiments (RFC 3692).
enum { PROTO_SCTP = 132, PROTO_EXPERIMENT = 253 };
enum { CHUNK = 16384 };

// options.c: words of the form name=value.
const char *option(const char *name, const char *otherwise);
long number(const char *name, long otherwise);
int is_how(const char *way);
void set_options(char **words);
char **option_words(void);

// truth.c
struct end {
  const char *role;  // "orig" or "resp"
  int proto;         // of IP
  int pid;           // 0: no process owns it
  struct sockaddr_storage local, remote;
  long long from, to;  // microseconds since the epoch
  long long sent, received;
};
_Noreturn void fail(const char *what);
// Ends the program: this machine cannot do it, which is no failure.
_Noreturn void cannot(const char *what);
long long now_us(void);
void pause_ms(long ms);
// Our pid as whoever mounted /proc sees it, which a pid namespace of our own does not change.
int own_pid(void);
void tell(const struct end *end);
void ready(void);
// A child that ends with its parent.
int fork_child(void);
void become_user(void);

// address.c
struct sockaddr_storage address_of(const char *text, int port);
socklen_t size_of(const struct sockaddr_storage *address);
struct sockaddr_storage local_of(int fd);
struct sockaddr_storage remote_of(int fd);
void set_port(struct sockaddr_storage *address, int port);

// How bytes get into and out of a socket.
struct transfer {
  void (*send)(int fd, const char *bytes, size_t size);
  // Returns 0 at the end.
  size_t (*receive)(int fd, char *bytes, size_t size);
};
extern const struct transfer plain, by_sendfile, by_splice, by_ring;
const struct transfer *chosen_transfer(void);

// uring.c
int ring_connect(int fd, const struct sockaddr_storage *server);
int ring_accept(int fd);

// processes.c
void in_processes(void (*client)(const struct sockaddr_storage *server));

// What each does is said where it is.
void stream_client(void);
void stream_server(void);
// Goes on with a connection that another program image has made.
void stream_continue(void);
void refused_client(void);
void datagram_client(void);
void datagram_server(void);
void multicast_client(void);
void echo_client(void);
void raw_client(void);
void raw_server(void);
void inject_client(void);

#endif
