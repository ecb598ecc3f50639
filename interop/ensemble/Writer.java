// The Java client as one that goes on writing while servers come and go; what it is told and what it says is in writer.py.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

public class Writer {
  interface Body<T> {
    T run() throws Exception;
  }

  static ZooKeeper zk;
  static String root;
  static volatile boolean going = true;
  static volatile boolean stopping = false;

  public static void main(String[] arguments) throws Exception {
    root = "/writers/" + arguments[1];
    int delay = Integer.parseInt(arguments[2]);
    CountDownLatch connected = new CountDownLatch(1);
    zk = new ZooKeeper(arguments[0], 30000, event -> {
      if (event.getState() == KeeperState.SyncConnected) connected.countDown();
      if (event.getState() == KeeperState.Expired) System.out.println("lost");
    });
    connected.await();
    create("/writers", "", CreateMode.PERSISTENT);
    create(root, "", CreateMode.PERSISTENT);
    create(root + "/alive", "", CreateMode.EPHEMERAL);
    create(root + "/value", "", CreateMode.PERSISTENT);
    System.out.println("session " + Long.toHexString(zk.getSessionId()));
    Thread listener = new Thread(Writer::listen);
    listener.setDaemon(true);
    listener.start();
    int number = 0;
    try {
      while (!stopping) {
        if (!going) {
          System.out.println("paused " + number);
          while (!going) Thread.sleep(5);
          continue;
        }
        create(root + "/n" + (number + 1), "" + (number + 1), CreateMode.PERSISTENT);
        set(root + "/value", "" + (number + 1), number);
        number++;
        System.out.println("ack " + number);
        Thread.sleep(delay);
      }
    } catch (Throwable problem) {
      System.out.println("failed after " + number + ": " + problem);
    }
    System.out.println("done " + number);
    System.exit(0);
  }

  static void listen() {
    try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = input.readLine(); line != null && !line.equals("stop"); line = input.readLine()) {
        going = line.equals("resume");
      }
    } catch (Exception problem) {
      System.out.println("input: " + problem);
    }
    stopping = true;
    going = true;
  }

  static <T> T again(Body<T> body) throws Exception {
    while (true) {
      try {
        return body.run();
      } catch (KeeperException.ConnectionLossException | KeeperException.SessionMovedException lost) {
        Thread.sleep(20);
      }
    }
  }

  /** A node that is there already was made by an attempt whose answer got lost. */
  static void create(String path, String data, CreateMode mode) throws Exception {
    try {
      again(() -> zk.create(path, data.getBytes(), Ids.OPEN_ACL_UNSAFE, mode));
    } catch (KeeperException.NodeExistsException exists) {
      byte[] found = again(() -> zk.getData(path, false, null));
      if (!Arrays.equals(found, data.getBytes())) throw new AssertionError(path + " holds " + new String(found));
    }
  }

  /** Sets on top of exactly this version; an attempt whose answer got lost may have done it. */
  static void set(String path, String data, int version) throws Exception {
    try {
      again(() -> zk.setData(path, data.getBytes(), version));
    } catch (KeeperException.BadVersionException moved) {
      Stat stat = new Stat();
      String found = new String(again(() -> zk.getData(path, false, stat)));
      if (found.equals(data) && stat.getVersion() == version + 1) return;
      throw new AssertionError(path + " is " + found + " version " + stat.getVersion() + ", before it was " + version);
    }
  }
}
