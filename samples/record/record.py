"""Records the sample scenarios; started by record.sh, which checks the requirements."""

import argparse
import importlib
import os
import signal
import sys
import time

import host_log
import readme
import truth
import verify
from lab import Lab

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET_S = 2.5
SCENARIOS = ('desktop', 'intrusion', 'nat')


def osquery_log(lab, watched, forms):
    return host_log.HostLog(
        [host_log.WatchedHost(h.name, h.namespace, h.inode, f'/proc/{h.holder.pid}/root', f'{h.files}/passwd', forms[h.name])
         for h in watched],
        os.path.join(HERE, 'observer.bt'))


def record(name, out):
    scenario = importlib.import_module(name)
    os.makedirs(out, exist_ok=True)
    lab = Lab(scenario.NAMES, scenario.NETWORKS)
    log = None
    try:
        lab.build()
        watched, sessions = scenario.prepare(lab)
        lab.capture(os.path.join(out, 'traffic.pcap'), scenario.PRECISION)
        records = hasattr(scenario, 'observer')
        if records:
            scenario.captures(lab, lambda file, *where: lab.capture(os.path.join(out, file), scenario.PRECISION, *where))
        log = scenario.observer(lab, watched) if records else osquery_log(lab, watched, scenario.FORMS)
        log.start()
        print(f'{name}: recording', file=sys.stderr)
        time.sleep(QUIET_S)
        scenario.play(lab, sessions)
        time.sleep(QUIET_S)
        counts = lab.end_captures()
        log.stop()
        lab.end_programs()
        log.write(out if records else os.path.join(out, 'host.log'))
        truth.write(lab.raw_truth, os.path.join(out, 'truth.jsonl'))
    except BaseException:
        print(f'{name}: failed; its programs said:\n{lab.programs_said()}', file=sys.stderr)
        raise
    finally:
        if log:
            log.kill()
        lab.close()
    print(f'{name}: {counts}', file=sys.stderr)
    if records:
        return 0
    readme.write(name, out)
    return verify.main([out])


def interrupted(number, frame):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', nargs='*', help=f'of {", ".join(SCENARIOS)} (default: all)')
    parser.add_argument('--out', default=os.path.dirname(HERE), help='folder to write the scenario folders to')
    options = parser.parse_args()
    unknown = set(options.scenario) - set(SCENARIOS)
    if unknown:
        parser.error(f'unknown scenario: {", ".join(sorted(unknown))}')
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    failures = sum(record(name, os.path.join(options.out, name)) for name in options.scenario or SCENARIOS)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
