// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs the conformance cases with the Java client, and prints TAP.
 *
 * <p>usage: Main ORDERS
 *
 * <p>clients/conformance/runner.py starts it. The names of steps and expectations are those of
 * clients/conformance/README.md.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws IOException {
        Step orders;
        try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            orders = new Step(tableOf(JsonParser.parseReader(reader)));
        }
        BufferedReader input =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        List<Step> cases = orders.steps("cases");
        boolean failed = false;
        say("1.." + cases.size());
        for (int i = 0; i < cases.size(); i++) {
            Step one = cases.get(i);
            String profile = one.text("profile");
            Step given = orders.table("profiles").table(profile);
            String wrong = new Running(given, profile, input).run(one.steps("steps"));
            String label = (i + 1) + " - " + one.text("name");
            if (wrong.isEmpty()) {
                say("ok " + label);
                continue;
            }
            failed = true;
            say("not ok " + label);
            say("# " + one.text("name") + ": " + wrong.strip().replaceAll("\\s+", " "));
        }
        System.exit(failed ? 1 : 0);
    }

    static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static Map<String, Object> tableOf(JsonElement given) {
        Map<String, Object> found = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> one : given.getAsJsonObject().entrySet()) {
            found.put(one.getKey(), plain(one.getValue()));
        }
        return found;
    }

    /** Tables, lists, booleans and texts; a number is its text, so that no bit of it is lost. */
    private static Object plain(JsonElement given) {
        if (given.isJsonObject()) {
            return tableOf(given);
        }
        if (given.isJsonArray()) {
            List<Object> found = new ArrayList<>();
            given.getAsJsonArray().forEach(one -> found.add(plain(one)));
            return found;
        }
        if (given.getAsJsonPrimitive().isBoolean()) {
            return given.getAsBoolean();
        }
        return given.getAsString();
    }
}
