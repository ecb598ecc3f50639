// Curator's InterProcessMutex, taken and given back as fast as it goes; the words of lock.mjs.

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryOneTime;

public class LockLoad {
  static volatile boolean over;

  public static void main(String[] args) throws Exception {
    for (int i = 2; i < args.length; i++) measure(args[0], Double.parseDouble(args[1]), Integer.parseInt(args[i]));
    System.exit(0);
  }

  static void measure(String hosts, double seconds, int size) throws Exception {
    over = false;
    String path = "/bench/" + ProcessHandle.current().pid() + "-" + size;
    AtomicLong done = new AtomicLong();
    List<CuratorFramework> clients = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      CuratorFramework client = CuratorFrameworkFactory.newClient(hosts, new RetryOneTime(100));
      client.start();
      client.blockUntilConnected();
      clients.add(client);
      threads.add(new Thread(() -> contend(client, path, done)));
    }
    for (Thread thread : threads) thread.start();
    OperatingSystemMXBean machine = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    Thread.sleep((long) (seconds * 500));
    long begin = System.nanoTime();
    long cpu = machine.getProcessCpuTime();
    long before = done.get();
    Thread.sleep((long) (seconds * 1000));
    double count = done.get() - before;
    double used = (machine.getProcessCpuTime() - cpu) / 1e3;
    double rate = count / ((System.nanoTime() - begin) / 1e9);
    System.out.printf(Locale.ROOT, "{\"contenders\":%d,\"rate\":%f,\"cpuUs\":%f}%n", size, rate, used / count);
    over = true;
    for (Thread thread : threads) thread.join();
    for (CuratorFramework client : clients) client.close();
  }

  static void contend(CuratorFramework client, String path, AtomicLong done) {
    try {
      InterProcessMutex mutex = new InterProcessMutex(client, path);
      while (!over) {
        mutex.acquire();
        done.incrementAndGet();
        mutex.release();
      }
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }
}
