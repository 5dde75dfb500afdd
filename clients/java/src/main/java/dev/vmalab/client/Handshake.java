// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.GetServerInfoResponse;
import java.util.ArrayList;
import java.util.List;

/** Who is too old: this client, or the server. */
final class Handshake {
    /** The version of this client. */
    static final String CLIENT = "0.1.0";

    /** The oldest server that does all that this client asks for. */
    static final String OLDEST_SERVER = "0.1.0";

    /** What a server answers that runs from a tree. */
    private static final String TREE = "0";

    private Handshake() {}

    /** Says what is wrong between a client of a version and a server; empty: nothing. */
    static String complaint(GetServerInfoResponse server, String mine) {
        if (isOlder(mine, server.getOldestClient())) {
            return "vmalab: this client is " + mine + ", and the server " + server.getVersion()
                + " serves clients from " + server.getOldestClient() + " on: get a newer one";
        }
        String its = server.getVersion();
        if (!its.isEmpty() && !its.equals(TREE) && isOlder(its, OLDEST_SERVER)) {
            return "vmalab: the server is " + its + ", and this client asks for what servers do"
                + " from " + OLDEST_SERVER + " on: run a newer one";
        }
        return "";
    }

    /** Compares versions number by number; what has no number is not older. */
    static boolean isOlder(String one, String other) {
        List<Integer> first = numbers(one);
        List<Integer> second = numbers(other);
        for (int i = 0; i < Math.max(first.size(), second.size()); i++) {
            int a = i < first.size() ? first.get(i) : 0;
            int b = i < second.size() ? second.get(i) : 0;
            if (a != b) {
                return a < b;
            }
        }
        return false;
    }

    private static List<Integer> numbers(String text) {
        List<Integer> found = new ArrayList<>();
        for (String part : text.split("\\.")) {
            if (!part.matches("[0-9]{1,9}")) {
                break;
            }
            found.add(Integer.parseInt(part));
        }
        return found;
    }
}
