#!/usr/bin/env python3
"""Kills the services of a group, and its supervisor, at random moments under full load.

chaos.py SHMSUP ACTOR GROUP RUNDIR KILLS SUPERVISOR_EVERY SECONDS SEED REPORT

Ends after KILLS kills, or SECONDS if that is not 0. Every SUPERVISOR_EVERY kills it is the supervisor that is killed, and
started again with --adopt (0: never). Prints TAP of what must hold; the balance is shmsup's own, by its exit status.
"""
import json, os, random, signal, socket, subprocess, sys, time

shmsup, actor, group, rundir, kills, every, seconds, seed, report = sys.argv[1:]
kills, every, seconds, seed = int(kills), int(every), int(seconds), int(seed)
rng = random.Random(seed)
here = os.path.dirname(os.path.abspath(__file__))
# What is flat: the supervisor's memory after this many kills under its eyes, against its last moment. Its own memory, that is:
# of the segments it maps, the pages it has touched count as resident too, up to the size of those (dead letters).
WARM_UP, RSS_BOUND_KIB = 200, 256
tests = 0
failures = 0


def ok(good, name, note=""):
    global tests, failures
    tests += 1
    failures += not good
    print(("ok" if good else "not ok"), tests, "-", name, flush=True)
    if note:
        print("#", note, flush=True)


class Supervisor:
    def __init__(self, adopt):
        args = [shmsup, "run", here + "/chaos.yaml", "--name", group, "--set", "actor=" + actor, "--report", report]
        self.err = open(report + ".err", "ab")
        self.process = subprocess.Popen(args + (["--adopt"] if adopt else []), stdout=subprocess.DEVNULL,
                                        stderr=self.err)
        self.pid = self.process.pid
        self.control = None
        self.seen = 0  # kills under its eyes
        self.warm = None

    def ask(self, **request):
        """The reply, or None: the supervisor is not there (yet, or any more)."""
        try:
            if not self.control:
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(30)
                s.connect(f"{rundir}/{group}.sock")
                self.control = s.makefile("rwb")
            self.control.write(json.dumps(request).encode() + b"\n")
            self.control.flush()
            return json.loads(self.control.readline())
        except (OSError, ValueError):
            self.control = None
            return None

    def services(self):
        reply = self.ask(verb="status")
        if not reply or reply["status"]["supervisor_pid"] != self.pid:
            self.control = None
            return None
        return reply["status"]["services"]

    def rest(self, done=()):
        """Waits until every service is ready, so that what it holds can be compared."""
        while self.process.poll() is None:
            s = self.services()
            if s and all(x["state"] == "ready" or x["name"] in done for x in s):
                return s
            time.sleep(0.002)
        return None

    def holds(self):
        with open(f"/proc/{self.pid}/status") as f:
            rss = next(int(l.split()[1]) for l in f if l.startswith("RssAnon"))
        return rss, len(os.listdir(f"/proc/{self.pid}/fd"))

    def zombies(self):
        out = subprocess.run(["pgrep", "--parent", str(self.pid), "--runstates", "Z"], stdout=subprocess.PIPE)
        return len(out.stdout.split())


def segments():
    return len([n for n in os.listdir("/dev/shm") if n == "shmchan." + group or n.startswith(f"shmchan.{group}.")])


def left():
    there = [n for n in os.listdir("/dev/shm") if n == "shmchan." + group or n.startswith(f"shmchan.{group}.")]
    return there + [n for n in os.listdir(rundir) if n.startswith(group + ".")]


def strike(sup, services):
    alive = [s for s in services if s["pid"] > 0]
    if not alive:
        return False
    victim = rng.choice(alive)
    if rng.random() < 0.5:
        reply = sup.ask(verb="kill", service=victim["name"])
        return bool(reply and reply["ok"])
    try:
        os.kill(victim["pid"], signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


# At each look a victim of the last moment may die only now, be dead and not waited for, or be told of too late to be called dead;
# and what is held for a start is held for a moment. What has leaked stays.
def warm_state(sup, looks=21):
    """What the supervisor holds at rest, as a rule: the medians of some looks. None if it does not come to rest."""
    seen = []
    for _ in range(looks):
        if not sup.rest():
            return None
        seen.append(sup.holds())
        time.sleep(0.01)
    return tuple(sorted(x)[looks // 2] for x in zip(*seen))


def least_state(sup, wanted, looks=200):
    """The least memory, descriptors and zombies of many looks, or of those up to the first with no more than wanted and none."""
    least = None
    for _ in range(looks):
        if not sup.rest():
            break
        now = (*sup.holds(), sup.zombies())
        least = tuple(map(min, least, now)) if least else now
        if least[1] <= wanted and least[2] == 0:
            break
        time.sleep(0.01)
    return least


grown, lost_fds, zombies, watched = 0, 0, 0, 0


def compare(sup):
    """What the supervisor holds now, against what it held when it was warm."""
    global grown, lost_fds, zombies, watched
    now = least_state(sup, sup.warm[1]) if sup.warm else None
    if not now:
        return
    rss, fds, dead = now
    zombies += dead
    grown = max(grown, rss - sup.warm[0])
    lost_fds = max(lost_fds, fds - sup.warm[1])
    watched = max(watched, sup.seen - WARM_UP)


sup = Supervisor(False)
sup.rest()
objects = segments()
begin = time.time()
done = supervisors = 0
while (done < kills if not seconds else time.time() - begin < seconds) and sup.process.poll() is None:
    services = sup.services()
    if services is None:
        time.sleep(0.002)
        continue
    if strike(sup, services):
        done += 1
        sup.seen += 1
    if sup.seen == WARM_UP and not sup.warm:
        sup.warm = warm_state(sup)
    if every and sup.seen and sup.seen % every == 0:
        compare(sup)
        os.kill(sup.pid, signal.SIGKILL)
        sup.process.wait()
        done += 1
        supervisors += 1
        sup = Supervisor(True)
        # Some die while nobody looks.
        for s in services:
            if s["pid"] > 0 and rng.random() < 0.2:
                try:
                    os.kill(s["pid"], signal.SIGKILL)
                    done += 1
                except ProcessLookupError:
                    pass
    time.sleep(rng.random() * 0.008)
took = time.time() - begin
ok(sup.process.poll() is None, "the supervisor lives")
compare(sup)
ok(segments() == objects, "as many segments as at the beginning", f"{segments()}, {objects}")

# Enough: the source stops, the sink ends when all is accounted for. A signal may meet an incarnation that dies.
while sup.process.poll() is None:
    services = sup.services()
    if not services:
        time.sleep(0.01)
        continue
    state = {s["name"]: s["state"] for s in services}
    sup.ask(verb="signal", service="sink" if state["source"] == "done" else "source", signal=signal.SIGUSR1)
    time.sleep(0.05)
status = sup.process.wait()
with open(report) as f:
    result = json.load(f)
ok(status == 0 and result["balanced"], "the counts balance", f"exit status {status}")
ok(result["sent"] > 0 and result["sent"] == result["answered"] + result["lost"], "every message is accounted for",
   f"{result['sent']} sent, {result['answered']} answered, {result['lost']} lost with who had them")
ok(result["respawns"] > 0, "services were replaced", f"{result['respawns']} respawns")
ok(zombies == 0, "no zombies")
ok(lost_fds <= 0, "descriptors of the supervisor are as many as when it was warm", f"{lost_fds} more")
ok(grown <= RSS_BOUND_KIB, f"its memory grew by no more than {RSS_BOUND_KIB} KiB",
   f"{grown} KiB at most, from its kill {WARM_UP} on, over {watched} kills more")
ok(left() == [], "nothing is left", " ".join(left()))
print(f"# seed {seed}: {done} kills in {took:.0f} s, {supervisors} of them of the supervisor")
print(f"1..{tests}")
sys.exit(failures != 0)
