// SPDX-License-Identifier: Apache-2.0
import java.util.*;
public class Hello {
    public static void main(String[] a) throws Exception {
        List<Thread> threads = new ArrayList<>();
        long[] sums = new long[3];
        for (int i = 0; i < 3; i++) {
            final int me = i;
            Thread t = new Thread(() -> {
                Map<Integer, String> map = new HashMap<>();
                for (int k = 0; k < 20000; k++) map.put(k, "v" + k);
                for (String v : map.values()) sums[me] += v.hashCode();
            });
            threads.add(t); t.start();
        }
        for (Thread t : threads) t.join();
        System.out.println(Arrays.stream(sums).sum());
    }
}
