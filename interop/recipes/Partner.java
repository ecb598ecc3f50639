// Curator's side of the recipes across languages: carries out what it reads, one JSON object a line, each in a thread of its
// own, and answers with the number of the request. partner.mjs and partner.py understand the same words.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.details.JsonInstanceSerializer;

public class Partner {
  /** What is done while holding something; `node` is what stands for it, null where Curator does not say. */
  interface Section {
    void enter(String node) throws Exception;
  }

  interface Recipe {
    void run(String path, Section section) throws Exception;
  }

  static final ObjectMapper json = new ObjectMapper();
  static final int permits = 2;
  static CuratorFramework zk;

  final Map<String, Recipe> recipes = new HashMap<>();
  final Map<String, CountDownLatch> held = new ConcurrentHashMap<>();
  final Map<String, AutoCloseable> open = new ConcurrentHashMap<>();
  final Map<String, ServiceDiscovery<Object>> discoveries = new ConcurrentHashMap<>();
  final Map<String, ServiceCache<Object>> caches = new ConcurrentHashMap<>();

  public static void main(String[] args) throws Exception {
    zk = CuratorFrameworkFactory.newClient(args[0], Integer.parseInt(args[1]), 15_000, new RetryNTimes(20, 200));
    zk.start();
    if (!zk.blockUntilConnected(15, TimeUnit.SECONDS)) throw new IllegalStateException("no connection");
    Partner partner = new Partner();
    say(Map.of("ready", true));
    BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = requests.readLine()) != null; ) {
      JsonNode request = json.readTree(line);
      Thread thread = new Thread(() -> partner.answer(request));
      thread.setDaemon(true);
      thread.start();
    }
    zk.close();
    System.exit(0);
  }

  static synchronized void say(Object message) {
    try {
      System.out.println(json.writeValueAsString(message));
      System.out.flush();
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  void answer(JsonNode request) {
    Map<String, Object> answer = new TreeMap<>();
    answer.put("id", request.get("id").asInt());
    try {
      answer.put("value", carryOut(request));
    } catch (Throwable error) {
      answer.put("error", error.toString());
    }
    say(answer);
  }

  Partner() {
    recipes.put("lock", this::lock);
    recipes.put("election", this::election);
    recipes.put("selector", this::selector);
    recipes.put("reader", (path, section) -> mutex(new InterProcessReadWriteLock(zk, path).readLock(), section));
    recipes.put("writer", (path, section) -> mutex(new InterProcessReadWriteLock(zk, path).writeLock(), section));
    recipes.put("semaphore", this::semaphore);
  }

  Object carryOut(JsonNode request) throws Exception {
    String path = request.path("path").asText();
    switch (request.get("verb").asText()) {
      case "contend":
        return contend(request, path);
      case "take":
        return take(recipes.get(request.get("recipe").asText()), path);
      case "give":
        return give(path);
      case "count":
        return count(request.get("recipe").asText(), path, request.get("times").asInt());
      case "compareAndSet":
        return new DistributedAtomicLong(zk, path, new RetryNTimes(0, 0))
            .compareAndSet(request.get("from").asLong(), request.get("to").asLong())
            .succeeded();
      case "revoke":
        Revoker.attemptRevoke(zk, path);
        return null;
      case "join":
        return join(path, request.get("name").asText());
      case "leave":
        return close(path);
      case "members":
        return members(path);
      case "raise":
        new DistributedBarrier(zk, path).setBarrier();
        return null;
      case "lift":
        new DistributedBarrier(zk, path).removeBarrier();
        return null;
      case "wait":
        new DistributedBarrier(zk, path).waitOnBarrier();
        return null;
      case "keep":
        return keep(path, request);
      default:
        return discover(request, path);
    }
  }

  // What is held by one at a time, or by so many.

  void lock(String path, Section section) throws Exception {
    OpenMutex mutex = new OpenMutex(path);
    // Who asks for it gets it.
    mutex.makeRevocable(asked -> held.get(path).countDown());
    mutex(mutex, section);
  }

  /** Tells its node, which the class keeps to its heirs. */
  static class OpenMutex extends InterProcessMutex {
    OpenMutex(String path) {
      super(zk, path);
    }

    @Override
    protected String getLockPath() {
      return super.getLockPath();
    }
  }

  void mutex(InterProcessMutex mutex, Section section) throws Exception {
    mutex.acquire();
    try {
      section.enter(mutex instanceof OpenMutex ? ((OpenMutex) mutex).getLockPath() : null);
    } finally {
      mutex.release();
    }
  }

  void election(String path, Section section) throws Exception {
    try (LeaderLatch latch = new LeaderLatch(zk, path, "curator")) {
      latch.start();
      latch.await();
      section.enter(latch.getLastPathIsLeader());
    }
  }

  void selector(String path, Section section) throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    Throwable[] failure = new Throwable[1];
    LeaderSelectorListenerAdapter listener =
        new LeaderSelectorListenerAdapter() {
          @Override
          public void takeLeadership(CuratorFramework client) {
            try {
              section.enter(null);
            } catch (Throwable error) {
              failure[0] = error;
            }
            over.countDown();
          }
        };
    try (LeaderSelector selector = new LeaderSelector(zk, path, listener)) {
      selector.start();
      over.await();
    }
    if (failure[0] != null) throw new Exception(failure[0]);
  }

  void semaphore(String path, Section section) throws Exception {
    try (Lease lease = new InterProcessSemaphoreV2(zk, path, permits).acquire()) {
      section.enter(path + "/leases/" + lease.getNodeName());
    }
  }

  Object contend(JsonNode request, String path) throws Exception {
    String name = request.get("recipe").asText();
    Ledger ledger = new Ledger(Path.of(request.get("ledger").asText()), name);
    for (int round = 0; round < request.get("rounds").asInt(); round++) {
      recipes.get(name).run(path, node -> ledger.enter("curator", czxidOf(node)));
    }
    return null;
  }

  /** Answers when it is held; it is until `give`. */
  Object take(Recipe recipe, String path) throws Exception {
    CountDownLatch taken = new CountDownLatch(1);
    CountDownLatch given = new CountDownLatch(1);
    Map<String, Object> answer = new ConcurrentHashMap<>();
    Section hold =
        node -> {
          answer.put("node", node == null ? "" : node);
          answer.put("czxid", czxidOf(node));
          taken.countDown();
          given.await();
        };
    Thread thread =
        new Thread(
            () -> {
              try {
                recipe.run(path, hold);
              } catch (Throwable error) {
                answer.putIfAbsent("failure", error.toString());
              }
              taken.countDown();
              CountDownLatch over = held.remove(path + " over");
              if (over != null) over.countDown();
            });
    thread.setDaemon(true);
    thread.start();
    taken.await();
    if (answer.containsKey("failure")) throw new IllegalStateException((String) answer.get("failure"));
    held.put(path, given);
    return answer;
  }

  Object give(String path) throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    held.put(path + " over", over);
    held.remove(path).countDown();
    over.await();
    return null;
  }

  static long czxidOf(String node) throws Exception {
    return node == null ? 0 : zk.checkExists().forPath(node).getCzxid();
  }

  // Numbers.

  Object count(String format, String path, int times) throws Exception {
    if (format.equals("int64")) {
      DistributedAtomicLong number = new DistributedAtomicLong(zk, path, new RetryNTimes(3, 5));
      for (int done = 0; done < times; ) {
        AtomicValue<Long> result = number.increment();
        if (result.succeeded()) done++;
      }
      return number.get().postValue();
    }
    try (SharedCount number = new SharedCount(zk, path, 0)) {
      number.start();
      for (int done = 0; done < times; ) {
        VersionedValue<Integer> seen = number.getVersionedValue();
        if (number.trySetCount(seen, seen.getValue() + 1)) done++;
      }
      return number.getCount();
    }
  }

  // Who is there.

  Object join(String path, String name) {
    GroupMember member = new GroupMember(zk, path, name, "{\"from\":\"curator\"}".getBytes(StandardCharsets.UTF_8));
    member.start();
    open.put(path, member);
    return null;
  }

  Object members(String path) {
    Map<String, String> members = new TreeMap<>();
    GroupMember member = (GroupMember) open.get(path);
    member.getCurrentMembers().forEach((id, data) -> members.put(id, new String(data, StandardCharsets.UTF_8)));
    return members;
  }

  Object keep(String path, JsonNode request) throws Exception {
    byte[] data = request.get("data").asText().getBytes(StandardCharsets.UTF_8);
    PersistentTtlNode node = new PersistentTtlNode(zk, path, request.get("ttl").asLong(), data);
    node.start();
    if (!node.waitForInitialCreate(10, TimeUnit.SECONDS)) throw new IllegalStateException("not created");
    open.put(path, node);
    return null;
  }

  Object close(String path) throws Exception {
    open.remove(path).close();
    return null;
  }

  // Services. A payload is text, a map without a class, or a zone: Curator writes and reads the class of an object.

  public static class Zone {
    public String zone;
  }

  Object discover(JsonNode request, String base) throws Exception {
    switch (request.get("verb").asText()) {
      case "register":
        discovery(base).registerService(instance(request));
        return null;
      case "update":
        discovery(base).updateService(instance(request));
        return null;
      case "unregister":
        discovery(base).unregisterService(instance(request));
        return null;
      case "services":
        return discovery(base).queryForNames();
      case "instances":
        Map<String, Object> found = new TreeMap<>();
        for (ServiceInstance<Object> each : cache(base, request.get("service").asText()).getInstances()) {
          boolean isNew = System.currentTimeMillis() - each.getRegistrationTimeUTC() < 60_000;
          String address = each.getAddress() + ":" + each.getPort();
          found.put(each.getId(), Arrays.asList(address, shown(each.getPayload()), each.isEnabled(), isNew));
        }
        return found;
      default:
        throw new IllegalArgumentException(request.toString());
    }
  }

  ServiceInstance<Object> instance(JsonNode request) throws Exception {
    return ServiceInstance.<Object>builder()
        .name(request.get("service").asText())
        .id(request.get("name").asText())
        .address("127.0.0.1")
        .port(request.path("port").asInt())
        .payload(payload(request.get("payload")))
        .enabled(request.path("enabled").asBoolean(true))
        .build();
  }

  static Object payload(JsonNode wanted) {
    if (!wanted.has("@class")) return json.convertValue(wanted, Object.class);
    Zone zone = new Zone();
    zone.zone = wanted.get("zone").asText();
    return zone;
  }

  static Object shown(Object payload) {
    if (!(payload instanceof Zone)) return payload;
    return new TreeMap<>(Map.of("@class", Zone.class.getName(), "zone", ((Zone) payload).zone));
  }

  synchronized ServiceDiscovery<Object> discovery(String base) throws Exception {
    if (discoveries.containsKey(base)) return discoveries.get(base);
    ServiceDiscovery<Object> discovery =
        ServiceDiscoveryBuilder.builder(Object.class)
            .client(zk)
            .basePath(base)
            .serializer(new JsonInstanceSerializer<>(Object.class, false))
            .build();
    discovery.start();
    discoveries.put(base, discovery);
    return discovery;
  }

  synchronized ServiceCache<Object> cache(String base, String service) throws Exception {
    String key = base + " " + service;
    if (caches.containsKey(key)) return caches.get(key);
    ServiceCache<Object> cache = discovery(base).serviceCacheBuilder().name(service).build();
    cache.start();
    caches.put(key, cache);
    return cache;
  }

  /** Proof that nobody else is inside, in files that nothing protects but the recipe; see ledger.mjs. */
  static class Ledger {
    final Path dir;
    final String recipe;

    Ledger(Path dir, String recipe) {
      this.dir = dir;
      this.recipe = recipe;
    }

    void enter(String who, long czxid) throws Exception {
      if (recipe.equals("reader")) read();
      else if (recipe.equals("semaphore")) share();
      else write();
      append(who + " " + czxid + "\n");
    }

    void write() throws Exception {
      Path inside = Files.createDirectory(dir.resolve("inside"));
      long number = number();
      Thread.sleep(1);
      Files.writeString(dir.resolve("number"), Long.toString(number + 1));
      Files.delete(inside);
    }

    void read() throws Exception {
      long before = number();
      Thread.sleep(5);
      if (Files.exists(dir.resolve("inside")) || number() != before) throw new IllegalStateException("a writer is inside");
    }

    void share() throws Exception {
      Path mine = Files.createDirectory(dir.resolve("sharing").resolve(UUID.randomUUID().toString()));
      Thread.sleep(5);
      try (var all = Files.list(dir.resolve("sharing"))) {
        long sharing = all.count();
        if (sharing > permits) throw new IllegalStateException(sharing + " are inside");
      }
      Files.delete(mine);
    }

    long number() throws Exception {
      return Long.parseLong(Files.readString(dir.resolve("number")));
    }

    void append(String line) throws Exception {
      Files.writeString(dir.resolve("log"), line, StandardOpenOption.APPEND);
    }
  }
}
