// The current Java client against the server: every operation it has, and the same session across two restarts.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

public class JavaClient {
  interface Body {
    void run() throws Exception;
  }

  static String hosts;
  static ZooKeeper zk;
  static final BufferedReader input = new BufferedReader(new InputStreamReader(System.in));

  public static void main(String[] arguments) throws Exception {
    hosts = arguments[0];
    zk = connect();
    zk.create("/java", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    run("crud", JavaClient::crud);
    run("versions", JavaClient::versions);
    run("ephemerals", JavaClient::ephemerals);
    run("sequences", JavaClient::sequences);
    run("containers and TTL", JavaClient::lifetimes);
    run("watches", JavaClient::watches);
    run("persistent watches", JavaClient::persistentWatches);
    run("removing watches", JavaClient::removeWatches);
    run("acls", JavaClient::acls);
    run("multi", JavaClient::multi);
    run("multi read", JavaClient::multiRead);
    run("counting and listing", JavaClient::counting);
    run("who am I", JavaClient::whoAmI);
    run("reconfig is refused", JavaClient::reconfigRefused);
    run("asynchronous order", JavaClient::asynchronousOrder);
    run("session taken over", JavaClient::takeOver);
    run("session expires", JavaClient::expiry);
    run("restarts", JavaClient::restarts);
    zk.close();
    System.exit(0);
  }

  static void run(String name, Body body) {
    try {
      body.run();
      System.out.println("ok " + name);
    } catch (Throwable problem) {
      StackTraceElement where = Arrays.stream(problem.getStackTrace())
          .filter(frame -> frame.getClassName().startsWith("JavaClient") && !frame.getMethodName().matches("equal|fails|event"))
          .findFirst().orElse(null);
      System.out.println("not ok " + name + ": " + String.valueOf(problem).replace('\n', ' ') + " at " + where);
    }
  }

  static ZooKeeper connect() throws Exception {
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper client = new ZooKeeper(hosts, 10000, event -> {
      if (event.getState() == Watcher.Event.KeeperState.SyncConnected) connected.countDown();
    });
    if (!connected.await(20, TimeUnit.SECONDS)) throw new IllegalStateException("no session");
    return client;
  }

  static void equal(Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) throw new AssertionError("expected " + expected + ", got " + actual);
  }

  static void fails(Code code, Body body) throws Exception {
    try {
      body.run();
    } catch (KeeperException error) {
      equal(error.code(), code);
      return;
    }
    throw new AssertionError("expected " + code + ", got success");
  }

  static void eventually(String what, BooleanSupplier condition) throws Exception {
    for (long end = System.nanoTime() + 20_000_000_000L; System.nanoTime() < end; Thread.sleep(20)) {
      if (condition.getAsBoolean()) return;
    }
    throw new AssertionError("never happened: " + what);
  }

  static String create(String path, String data, CreateMode mode) throws Exception {
    return zk.create(path, data == null ? null : data.getBytes("UTF-8"), Ids.OPEN_ACL_UNSAFE, mode);
  }

  static void crud() throws Exception {
    Stat made = new Stat();
    equal(zk.create("/java/a", "one".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, made), "/java/a");
    equal(made.getCzxid() == made.getMzxid() && made.getCzxid() == made.getPzxid() && made.getCzxid() > 0, true);
    Stat changed = zk.setData("/java/a", "two".getBytes(), -1);
    Stat read = new Stat();
    equal(new String(zk.getData("/java/a", false, read)), "two");
    equal(read, changed);
    equal(read.getVersion(), 1);
    equal(zk.exists("/java/a", false), read);
    equal(zk.exists("/java/none", false), null);
    fails(Code.NODEEXISTS, () -> create("/java/a", "", CreateMode.PERSISTENT));
    fails(Code.NONODE, () -> create("/java/none/x", "", CreateMode.PERSISTENT));
    fails(Code.NONODE, () -> zk.getData("/java/none", false, null));
    create("/java/a/b", null, CreateMode.PERSISTENT);
    equal(zk.getData("/java/a/b", false, null), null);
    create("/java/a/c", "", CreateMode.PERSISTENT);
    equal(zk.getData("/java/a/c", false, null).length, 0);
    fails(Code.NOTEMPTY, () -> zk.delete("/java/a", -1));
    List<String> children = zk.getChildren("/java/a", false, read);
    Collections.sort(children);
    equal(children, List.of("b", "c"));
    equal(read.getNumChildren() + "/" + read.getCversion(), "2/2");
    zk.delete("/java/a/b", -1);
    zk.delete("/java/a/c", 0);
    equal(zk.exists("/java/a", false).getCversion(), 4);
    zk.delete("/java/a", 1);
    create("/java/日本 ü", "データ", CreateMode.PERSISTENT);
    equal(new String(zk.getData("/java/日本 ü", false, null), "UTF-8"), "データ");
    byte[] large = new byte[1000 * 1000];
    Arrays.fill(large, (byte) 7);
    zk.create("/java/large", large, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    equal(Arrays.equals(zk.getData("/java/large", false, null), large), true);
  }

  static void versions() throws Exception {
    create("/java/v", "", CreateMode.PERSISTENT);
    for (int number = 0; number < 5; number++) equal(zk.setData("/java/v", null, number).getVersion(), number + 1);
    fails(Code.BADVERSION, () -> zk.setData("/java/v", null, 2));
    fails(Code.BADVERSION, () -> zk.delete("/java/v", 4));
    zk.delete("/java/v", 5);
  }

  static void ephemerals() throws Exception {
    ZooKeeper other = connect();
    other.create("/java/eph", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    equal(zk.exists("/java/eph", false).getEphemeralOwner(), other.getSessionId());
    equal(other.getEphemerals(), List.of("/java/eph"));
    equal(zk.getEphemerals("/java"), List.of());
    fails(Code.NOCHILDRENFOREPHEMERALS, () -> create("/java/eph/child", "", CreateMode.PERSISTENT));
    other.close();
    equal(zk.exists("/java/eph", false), null);
  }

  static void sequences() throws Exception {
    create("/java/seq", "", CreateMode.PERSISTENT);
    for (int number = 0; number < 20; number++) {
      equal(create("/java/seq/n-", "", CreateMode.PERSISTENT_SEQUENTIAL), String.format("/java/seq/n-%010d", number));
    }
    equal(create("/java/seq/", "", CreateMode.EPHEMERAL_SEQUENTIAL), "/java/seq/0000000020");
  }

  static void lifetimes() throws Exception {
    create("/java/box", "", CreateMode.CONTAINER);
    create("/java/box/only", "", CreateMode.PERSISTENT);
    Stat stat = new Stat();
    zk.create("/java/ttl", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 600);
    equal(stat.getEphemeralOwner(), 0L);
    String named = zk.create("/java/ttl-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, stat, 600000);
    equal(named.matches("/java/ttl-\\d{10}"), true);
    zk.delete("/java/box/only", -1);
    eventually("empty container and old TTL node are removed", () -> {
      try {
        return zk.exists("/java/box", false) == null && zk.exists("/java/ttl", false) == null;
      } catch (Exception error) {
        return false;
      }
    });
    equal(zk.exists(named, false) != null, true);
  }

  static void event(BlockingQueue<WatchedEvent> events, EventType type, String path) throws Exception {
    WatchedEvent event = events.poll(10, TimeUnit.SECONDS);
    if (event == null) throw new AssertionError("no event " + type + " " + path);
    equal(event.getType() + " " + event.getPath(), type + " " + path);
  }

  static void watches() throws Exception {
    BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
    zk.exists("/java/w", events::add);
    create("/java/w", "", CreateMode.PERSISTENT);
    event(events, EventType.NodeCreated, "/java/w");
    zk.getData("/java/w", events::add, null);
    zk.getChildren("/java/w", events::add);
    create("/java/w/c", "", CreateMode.PERSISTENT);
    event(events, EventType.NodeChildrenChanged, "/java/w");
    zk.setData("/java/w", null, -1);
    event(events, EventType.NodeDataChanged, "/java/w");
    zk.setData("/java/w", null, -1);
    zk.getData("/java/w/c", events::add, null);
    zk.delete("/java/w/c", -1);
    event(events, EventType.NodeDeleted, "/java/w/c");
    equal(events.size(), 0);
  }

  static void persistentWatches() throws Exception {
    create("/java/p", "", CreateMode.PERSISTENT);
    BlockingQueue<WatchedEvent> deep = new LinkedBlockingQueue<>();
    BlockingQueue<WatchedEvent> flat = new LinkedBlockingQueue<>();
    zk.addWatch("/java/p", deep::add, AddWatchMode.PERSISTENT_RECURSIVE);
    ZooKeeper other = connect();
    other.addWatch("/java/p", flat::add, AddWatchMode.PERSISTENT);
    create("/java/p/a", "", CreateMode.PERSISTENT);
    create("/java/p/a/b", "", CreateMode.PERSISTENT);
    zk.setData("/java/p/a/b", null, -1);
    zk.setData("/java/p", null, -1);
    zk.setData("/java/p", null, -1);
    zk.delete("/java/p/a/b", -1);
    event(deep, EventType.NodeCreated, "/java/p/a");
    event(deep, EventType.NodeCreated, "/java/p/a/b");
    event(deep, EventType.NodeDataChanged, "/java/p/a/b");
    event(deep, EventType.NodeDataChanged, "/java/p");
    event(deep, EventType.NodeDataChanged, "/java/p");
    event(deep, EventType.NodeDeleted, "/java/p/a/b");
    event(flat, EventType.NodeChildrenChanged, "/java/p");
    event(flat, EventType.NodeDataChanged, "/java/p");
    event(flat, EventType.NodeDataChanged, "/java/p");
    other.close();
  }

  static void removeWatches() throws Exception {
    create("/java/r", "", CreateMode.PERSISTENT);
    BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
    Watcher watcher = events::add;
    zk.getData("/java/r", watcher, null);
    zk.removeWatches("/java/r", watcher, Watcher.WatcherType.Data, false);
    event(events, EventType.DataWatchRemoved, "/java/r");
    zk.setData("/java/r", null, -1);
    fails(Code.NOWATCHER, () -> zk.removeWatches("/java/r", watcher, Watcher.WatcherType.Any, false));
    equal(events.size(), 0);
  }

  static void acls() throws Exception {
    // Not connected yet: the credential travels right behind the handshake.
    ZooKeeper owner = new ZooKeeper(hosts, 10000, event -> {});
    owner.addAuthInfo("digest", "eve:secret".getBytes());
    owner.create("/java/private", "mine".getBytes(), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
    fails(Code.NOAUTH, () -> zk.getData("/java/private", false, null));
    fails(Code.NOAUTH, () -> zk.exists("/java/private", false));
    fails(Code.NOAUTH, () -> zk.setData("/java/private", null, -1));
    fails(Code.NOAUTH, () -> zk.getACL("/java/private", new Stat()));
    fails(Code.NOAUTH, () -> zk.setACL("/java/private", Ids.OPEN_ACL_UNSAFE, -1));
    fails(Code.INVALIDACL, () -> zk.create("/java/bad", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
    Id eve = new Id("digest", DigestAuthenticationProvider.generateDigest("eve:secret"));
    Stat stat = new Stat();
    equal(owner.getACL("/java/private", stat), List.of(new ACL(Perms.ALL, eve)));
    List<ACL> shared = Arrays.asList(new ACL(Perms.READ, Ids.ANYONE_ID_UNSAFE), new ACL(Perms.ALL, eve));
    equal(owner.setACL("/java/private", shared, 0).getAversion(), 1);
    fails(Code.BADVERSION, () -> owner.setACL("/java/private", shared, 0));
    equal(new String(zk.getData("/java/private", false, null)), "mine");
    equal(zk.getACL("/java/private", stat).get(1).getId().getId(), "eve:x");
    owner.close();
  }

  static void multi() throws Exception {
    List<ACL> open = Ids.OPEN_ACL_UNSAFE;
    List<OpResult> results = zk.multi(List.of(
        Op.create("/java/t", "1".getBytes(), open, CreateMode.PERSISTENT),
        Op.setData("/java/t", "2".getBytes(), 0),
        Op.check("/java/t", 1),
        Op.create("/java/t/c-", null, open, CreateMode.PERSISTENT_SEQUENTIAL),
        Op.delete("/java/t/c-0000000000", -1),
        Op.create("/java/t/box", null, open, CreateMode.CONTAINER)));
    equal(results.size(), 6);
    equal(((OpResult.CreateResult) results.get(0)).getPath(), "/java/t");
    equal(((OpResult.SetDataResult) results.get(1)).getStat().getVersion(), 1);
    equal(((OpResult.CreateResult) results.get(3)).getPath(), "/java/t/c-0000000000");
    try {
      zk.multi(List.of(
          Op.create("/java/t2", null, open, CreateMode.PERSISTENT), Op.check("/java/t", 7), Op.delete("/java/t", -1)));
      throw new AssertionError("the multi should have failed");
    } catch (KeeperException error) {
      equal(error.code(), Code.BADVERSION);
      List<Integer> codes = new ArrayList<>();
      for (OpResult result : error.getResults()) codes.add(((OpResult.ErrorResult) result).getErr());
      equal(codes, List.of(0, -103, -2));
    }
    equal(zk.exists("/java/t2", false), null);
    equal(zk.multi(List.of()).size(), 0);
  }

  static void multiRead() throws Exception {
    List<OpResult> results = zk.multi(List.of(Op.getData("/java/t"), Op.getChildren("/java"), Op.getData("/java/none")));
    equal(new String(((OpResult.GetDataResult) results.get(0)).getData()), "2");
    equal(((OpResult.GetChildrenResult) results.get(1)).getChildren().contains("t"), true);
    equal(((OpResult.ErrorResult) results.get(2)).getErr(), Code.NONODE.intValue());
  }

  static void counting() throws Exception {
    create("/java/n", "", CreateMode.PERSISTENT);
    for (int number = 0; number < 10; number++) create("/java/n/" + number, "", CreateMode.PERSISTENT);
    equal(zk.getAllChildrenNumber("/java/n"), 10);
    equal(zk.getAllChildrenNumber("/") >= zk.getAllChildrenNumber("/java"), true);
    CountDownLatch synced = new CountDownLatch(1);
    zk.sync("/java", (code, path, context) -> synced.countDown(), null);
    equal(synced.await(10, TimeUnit.SECONDS), true);
  }

  static void whoAmI() throws Exception {
    ZooKeeper other = connect();
    other.addAuthInfo("digest", "fay:secret".getBytes());
    List<String> identities = new ArrayList<>();
    for (ClientInfo info : other.whoAmI()) identities.add(info.getAuthScheme() + " " + info.getUser());
    Collections.sort(identities);
    equal(identities, List.of("digest fay", "ip 127.0.0.1"));
    other.close();
  }

  static void reconfigRefused() throws Exception {
    try (org.apache.zookeeper.admin.ZooKeeperAdmin admin =
        new org.apache.zookeeper.admin.ZooKeeperAdmin(hosts, 10000, event -> {})) {
      fails(Code.RECONFIGDISABLED, () -> admin.reconfigure("server.9=127.0.0.1:1:2;3", null, null, -1, null));
    }
    equal(zk.getConfig(false, null) != null, true);
  }

  static void asynchronousOrder() throws Exception {
    create("/java/order", "", CreateMode.PERSISTENT);
    int total = 2000;
    List<Integer> versions = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch done = new CountDownLatch(total);
    for (int number = 0; number < total; number++) {
      zk.setData("/java/order", new byte[16], -1, (code, path, context, stat) -> {
        versions.add(code == 0 ? stat.getVersion() : code);
        done.countDown();
      }, null);
    }
    equal(done.await(30, TimeUnit.SECONDS), true);
    for (int number = 0; number < total; number++) equal(versions.get(number), number + 1);
  }

  static void takeOver() throws Exception {
    ZooKeeper first = connect();
    first.create("/java/moving", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    ZooKeeper second = new ZooKeeper(hosts, 10000, event -> {}, first.getSessionId(), first.getSessionPasswd());
    equal(second.exists("/java/moving", false).getEphemeralOwner(), first.getSessionId());
    second.close();
    equal(zk.exists("/java/moving", false), null);
    CountDownLatch expired = new CountDownLatch(1);
    ZooKeeper wrong = new ZooKeeper(hosts, 10000, event -> {
      if (event.getState() == Watcher.Event.KeeperState.Expired) expired.countDown();
    }, zk.getSessionId() + 77, new byte[16]);
    equal(expired.await(10, TimeUnit.SECONDS), true);
    wrong.close();
  }

  // A process of its own opens a short session, creates an ephemeral and is halted without closing anything.
  static void expiry() throws Exception {
    Process dying = new ProcessBuilder(
        "java", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), "Mortal", hosts).start();
    equal(new BufferedReader(new InputStreamReader(dying.getInputStream())).readLine(), "created");
    dying.waitFor();
    BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
    equal(zk.exists("/java/mortal", events::add) != null, true);
    event(events, EventType.NodeDeleted, "/java/mortal");
  }

  static void restarts() throws Exception {
    long session = zk.getSessionId();
    create("/java/alive", "", CreateMode.EPHEMERAL);
    create("/java/watched", "", CreateMode.PERSISTENT);
    BlockingQueue<WatchedEvent> deep = new LinkedBlockingQueue<>();
    zk.addWatch("/java/watched", event -> {
      if (event.getType() != EventType.None) deep.add(event);
    }, AddWatchMode.PERSISTENT_RECURSIVE);
    String[] signals = {"SIGTERM", "SIGKILL"};
    for (int round = 0; round < 2; round++) {
      BlockingQueue<WatchedEvent> children = new LinkedBlockingQueue<>();
      zk.getChildren("/java/watched", event -> {
        if (event.getType() != EventType.None) children.add(event);
      });
      System.out.println("@restart " + signals[round]);
      input.readLine();
      eventually("connected again", () -> zk.getState() == ZooKeeper.States.CONNECTED);
      String path = "/java/watched/" + round;
      for (int tries = 0; zk.exists("/java/watched", false) == null && tries < 10; tries++) Thread.sleep(100);
      create(path, "", CreateMode.PERSISTENT);
      event(deep, EventType.NodeCreated, path);
      event(children, EventType.NodeChildrenChanged, "/java/watched");
      equal(zk.getSessionId(), session);
      equal(zk.exists("/java/alive", false).getEphemeralOwner(), session);
    }
  }
}

/** Opens a session of one second, leaves an ephemeral behind and dies. */
class Mortal {
  public static void main(String[] arguments) throws Exception {
    ZooKeeper client = new ZooKeeper(arguments[0], 1000, event -> {});
    client.create("/java/mortal", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    System.out.println("created");
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }
}
