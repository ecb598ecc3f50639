// Curator's TestingCluster of three, from nothing to the first write, one after the other; the words of ensemble.mjs.

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.test.TestingCluster;

public class ClusterStart {
  public static void main(String[] args) throws Exception {
    for (int n = 0; n < Integer.parseInt(args[0]); n++) {
      long begin = System.nanoTime();
      TestingCluster cluster = new TestingCluster(3);
      cluster.start();
      CuratorFramework client =
          CuratorFrameworkFactory.newClient(cluster.getConnectString(), new RetryNTimes(1000, 10));
      client.start();
      client.create().forPath("/first");
      System.out.println((System.nanoTime() - begin) / 1e6);
      client.close();
      cluster.close();
    }
    System.exit(0);
  }
}
