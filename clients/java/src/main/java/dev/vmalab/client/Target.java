// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An address of a server: {@code host:port}, or {@code unix:PATH} with an empty host. */
record Target(String text, String host, int port, String path) {
    private static final String UNIX = "unix:";
    private static final Pattern TCP =
        Pattern.compile("(?:\\[([0-9A-Fa-f:.]+)\\]|([A-Za-z0-9._-]+)):([0-9]{1,5})");
    private static final Pattern NUMBERS = Pattern.compile("[0-9.]+|.*:.*");
    private static final int PORT_MAX = 65535;

    /** Reads one; {@link RefusedException.BadTarget} for anything else. */
    static Target of(String text) {
        if (text.startsWith(UNIX) && text.length() > UNIX.length()) {
            return new Target(text, "", 0, text.substring(UNIX.length()));
        }
        Matcher found = TCP.matcher(text);
        int port = found.matches() ? Integer.parseInt(found.group(3)) : 0;
        if (port < 1 || port > PORT_MAX || !isIpv6(found.group(1))) {
            throw new RefusedException.BadTarget(
                "\"" + text + "\" is not host:port, as 127.0.0.1:7420, or unix:PATH");
        }
        String host = found.group(1) != null ? found.group(1) : found.group(2);
        return new Target(text, host, port, "");
    }

    /** Whether what is in brackets is a number of IPv6; null: there are none. */
    private static boolean isIpv6(String bracketed) {
        if (bracketed == null) {
            return true;
        }
        try {
            // It has a colon, so it is a number, or refused: no name is looked up.
            return bracketed.contains(":") && InetAddress.getByName(bracketed) != null;
        } catch (UnknownHostException broken) {
            return false;
        }
    }

    boolean isUnix() {
        return !path.isEmpty();
    }

    /** Whether the host is an address already, and no name to look up. */
    boolean isNumeric() {
        return NUMBERS.matcher(host).matches();
    }

    /** Whether it is of this machine alone; no name is looked up for that. */
    boolean isLocal() {
        if (isUnix() || host.equals("localhost")) {
            return true;
        }
        if (!isNumeric()) {
            return false;
        }
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException broken) {
            return false;
        }
    }

    /** What the server is called in requests and in its certificate. */
    String authority() {
        return isUnix() ? "localhost" : text;
    }
}
