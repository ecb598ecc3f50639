/* The C client library against the server: every basic operation, and the same session across two server restarts. */

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

static char problem[4096];
static zhandle_t *zk;
static const char *hosts;

/* A failed expectation writes its reason and leaves the check. */
#define EXPECT(condition, ...)                                   \
  do {                                                           \
    if (!(condition)) {                                          \
      snprintf(problem, sizeof problem, __VA_ARGS__);            \
      return 0;                                                  \
    }                                                            \
  } while (0)

#define CODE(call, want)                                                                      \
  do {                                                                                        \
    int code_ = (call);                                                                       \
    EXPECT(code_ == (want), "line %d expected code %d, got %d", __LINE__, (int)(want), code_); \
  } while (0)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char events[16][160];
static int event_count;

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
  (void)handle, (void)state, (void)context;
  if (type == ZOO_SESSION_EVENT) return;
  pthread_mutex_lock(&lock);
  if (event_count < 16) snprintf(events[event_count++], sizeof events[0], "%d %s", type, path);
  pthread_mutex_unlock(&lock);
}

static int wait_events(int wanted) {
  for (int tries = 0; tries < 500; tries++) {
    pthread_mutex_lock(&lock);
    int count = event_count;
    pthread_mutex_unlock(&lock);
    if (count >= wanted) return 1;
    usleep(20000);
  }
  return 0;
}

static int connected(zhandle_t *handle) {
  for (int tries = 0; tries < 1000; tries++) {
    if (zoo_state(handle) == ZOO_CONNECTED_STATE) return 1;
    usleep(20000);
  }
  return 0;
}

static zhandle_t *session(void) {
  zhandle_t *handle = zookeeper_init(hosts, on_event, 10000, NULL, NULL, 0);
  if (handle && connected(handle)) return handle;
  printf("not ok connect: no session\n");
  exit(1);
}

static int create(const char *path, const char *data, int flags) {
  return zoo_create(zk, path, data, data ? (int)strlen(data) : -1, &ZOO_OPEN_ACL_UNSAFE, flags, NULL, 0);
}

static int crud(void) {
  char data[64];
  int length = sizeof data;
  struct Stat stat;
  struct String_vector children;
  CODE(create("/c", NULL, 0), ZOK);
  CODE(create("/c/a", "one", 0), ZOK);
  CODE(zoo_get(zk, "/c", 0, data, &length, &stat), ZOK);
  EXPECT(length == -1, "null data came back with length %d", length);
  CODE(zoo_set2(zk, "/c/a", "two", 3, -1, &stat), ZOK);
  length = sizeof data;
  CODE(zoo_get(zk, "/c/a", 0, data, &length, &stat), ZOK);
  EXPECT(length == 3 && memcmp(data, "two", 3) == 0 && stat.version == 1, "wrong data or version");
  CODE(create("/c/a", "", 0), ZNODEEXISTS);
  CODE(zoo_exists(zk, "/c/none", 0, NULL), ZNONODE);
  CODE(create("/c/a/b", "", 0), ZOK);
  CODE(zoo_delete(zk, "/c/a", -1), ZNOTEMPTY);
  CODE(zoo_get_children2(zk, "/c", 0, &children, &stat), ZOK);
  EXPECT(children.count == 1 && strcmp(children.data[0], "a") == 0 && stat.numChildren == 1, "wrong children");
  deallocate_String_vector(&children);
  CODE(zoo_delete(zk, "/c/a/b", -1), ZOK);
  CODE(zoo_delete(zk, "/c/a", 1), ZOK);
  CODE(zoo_exists(zk, "/c/a", 0, NULL), ZNONODE);
  return 1;
}

static int versions(void) {
  CODE(create("/c/v", "", 0), ZOK);
  for (int number = 0; number < 5; number++) CODE(zoo_set(zk, "/c/v", "x", 1, number), ZOK);
  CODE(zoo_set(zk, "/c/v", "x", 1, 2), ZBADVERSION);
  CODE(zoo_delete(zk, "/c/v", 4), ZBADVERSION);
  CODE(zoo_delete(zk, "/c/v", 5), ZOK);
  return 1;
}

static int ephemerals(void) {
  struct Stat stat;
  zhandle_t *other = session();
  CODE(zoo_create(other, "/c/eph", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
  CODE(zoo_exists(zk, "/c/eph", 0, &stat), ZOK);
  EXPECT(stat.ephemeralOwner == zoo_client_id(other)->client_id, "wrong owner");
  CODE(create("/c/eph/child", "", 0), ZNOCHILDRENFOREPHEMERALS);
  zookeeper_close(other);
  CODE(zoo_exists(zk, "/c/eph", 0, &stat), ZNONODE);
  return 1;
}

static int sequences(void) {
  char path[128], wanted[128];
  CODE(create("/c/seq", "", 0), ZOK);
  for (int number = 0; number < 20; number++) {
    CODE(zoo_create(zk, "/c/seq/n-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, path, sizeof path), ZOK);
    snprintf(wanted, sizeof wanted, "/c/seq/n-%010d", number);
    EXPECT(strcmp(path, wanted) == 0, "expected %s, got %s", wanted, path);
  }
  return 1;
}

static int lifetimes(void) {
  struct Stat stat;
  CODE(zoo_create_ttl(zk, "/c/ttl", "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 600000, NULL, 0), ZOK);
  CODE(zoo_create2(zk, "/c/box", "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, NULL, 0, &stat), ZOK);
  EXPECT(stat.dataLength == 1 && stat.ephemeralOwner == 0, "wrong stat");
  return 1;
}

static int watches(void) {
  static const char *wanted[] = {"1 /c/w", "4 /c/w", "3 /c/w", "2 /c/w/c"};
  char data[8];
  int length = sizeof data;
  struct String_vector none;
  event_count = 0;
  CODE(zoo_wexists(zk, "/c/w", on_event, NULL, NULL), ZNONODE);
  CODE(create("/c/w", "", 0), ZOK);
  EXPECT(wait_events(1), "no created event");
  CODE(zoo_wget(zk, "/c/w", on_event, NULL, data, &length, NULL), ZOK);
  CODE(zoo_wget_children(zk, "/c/w", on_event, NULL, &none), ZOK);
  deallocate_String_vector(&none);
  CODE(create("/c/w/c", "", 0), ZOK);
  EXPECT(wait_events(2), "no children event");
  CODE(zoo_set(zk, "/c/w", "x", 1, -1), ZOK);
  EXPECT(wait_events(3), "no changed event");
  length = sizeof data;
  CODE(zoo_wget(zk, "/c/w/c", on_event, NULL, data, &length, NULL), ZOK);
  CODE(zoo_delete(zk, "/c/w/c", -1), ZOK);
  EXPECT(wait_events(4), "no deleted event");
  for (int at = 0; at < 4; at++) EXPECT(strcmp(events[at], wanted[at]) == 0, "expected %s, got %s", wanted[at], events[at]);
  return 1;
}

static volatile int auth_code;

static void authenticated(int code, const void *context) {
  (void)context;
  auth_code = code;
}

static int acls(void) {
  struct ACL_vector listed, empty = {0, NULL};
  struct Stat stat;
  char data[8];
  int length = sizeof data;
  zhandle_t *owner = session();
  auth_code = 1;
  CODE(zoo_add_auth(owner, "digest", "dan:secret", 10, authenticated, NULL), ZOK);
  for (int tries = 0; auth_code == 1 && tries < 500; tries++) usleep(10000);
  CODE(auth_code, ZOK);
  CODE(zoo_create(owner, "/c/private", "mine", 4, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZOK);
  CODE(zoo_get(zk, "/c/private", 0, data, &length, NULL), ZNOAUTH);
  CODE(zoo_set(zk, "/c/private", "", 0, -1), ZNOAUTH);
  CODE(zoo_create(zk, "/c/bad", "", 0, &empty, 0, NULL, 0), ZINVALIDACL);
  CODE(zoo_get_acl(owner, "/c/private", &listed, &stat), ZOK);
  EXPECT(listed.count == 1 && listed.data[0].perms == ZOO_PERM_ALL, "wrong ACL");
  EXPECT(strncmp(listed.data[0].id.id, "dan:", 4) == 0, "wrong identity %s", listed.data[0].id.id);
  deallocate_ACL_vector(&listed);
  CODE(zoo_set_acl(owner, "/c/private", 0, &ZOO_OPEN_ACL_UNSAFE), ZOK);
  CODE(zoo_get(zk, "/c/private", 0, data, &length, NULL), ZOK);
  zookeeper_close(owner);
  return 1;
}

static int multi(void) {
  zoo_op_t batch[5];
  zoo_op_result_t results[5];
  char path[64], child[64];
  struct Stat stat;
  zoo_create_op_init(&batch[0], "/c/t", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
  zoo_set_op_init(&batch[1], "/c/t", "2", 1, 0, &stat);
  zoo_check_op_init(&batch[2], "/c/t", 1);
  zoo_create_op_init(&batch[3], "/c/t/c", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, child, sizeof child);
  zoo_delete_op_init(&batch[4], "/c/t/c", -1);
  CODE(zoo_multi(zk, 5, batch, results), ZOK);
  EXPECT(strcmp(path, "/c/t") == 0 && stat.version == 1, "wrong results");
  zoo_create_op_init(&batch[0], "/c/t2", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
  zoo_check_op_init(&batch[1], "/c/t", 7);
  zoo_delete_op_init(&batch[2], "/c/t", -1);
  CODE(zoo_multi(zk, 3, batch, results), ZBADVERSION);
  CODE(results[0].err, ZOK);
  CODE(results[1].err, ZBADVERSION);
  CODE(results[2].err, ZRUNTIMEINCONSISTENCY);
  CODE(zoo_exists(zk, "/c/t2", 0, NULL), ZNONODE);
  return 1;
}

static int restarts(void) {
  static const char *signals[] = {"SIGTERM", "SIGKILL"};
  char line[64], data[8];
  int64_t id = zoo_client_id(zk)->client_id;
  CODE(create("/c/alive", "", ZOO_EPHEMERAL), ZOK);
  CODE(create("/c/watched", "", 0), ZOK);
  for (int round = 0; round < 2; round++) {
    struct Stat stat;
    int length = sizeof data;
    event_count = 0;
    CODE(zoo_wget(zk, "/c/watched", on_event, NULL, data, &length, NULL), ZOK);
    printf("@restart %s\n", signals[round]);
    EXPECT(fgets(line, sizeof line, stdin) != NULL, "nobody restarted the server");
    int code = ZCONNECTIONLOSS;
    for (int tries = 0; code == ZCONNECTIONLOSS && tries < 200; tries++) {
      EXPECT(connected(zk), "not connected again, state %d", zoo_state(zk));
      code = zoo_set(zk, "/c/watched", "x", 1, round);
    }
    CODE(code, ZOK);
    EXPECT(wait_events(1), "the watch of before the restart did not fire");
    EXPECT(zoo_client_id(zk)->client_id == id, "another session");
    CODE(zoo_exists(zk, "/c/alive", 0, &stat), ZOK);
    EXPECT(stat.ephemeralOwner == id, "another owner");
  }
  return 1;
}

static void run(const char *name, int (*body)(void)) {
  if (body())
    printf("ok %s\n", name);
  else
    printf("not ok %s: %s\n", name, problem);
}

int main(int count, char **arguments) {
  if (count < 2) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  hosts = arguments[1];
  zk = session();
  run("crud", crud);
  run("versions", versions);
  run("ephemerals", ephemerals);
  run("sequences", sequences);
  run("lifetimes", lifetimes);
  run("watches", watches);
  run("acls", acls);
  run("multi", multi);
  run("restarts", restarts);
  zookeeper_close(zk);
  return 0;
}
