usage() {
  cat << END
Brings a node to the IPVS rules of a bundle, or leaves it as it was. Needs root. (ipvsc $SCRIPT_VERSION)

  sh apply.sh [COMMAND] [OPTIONS]
  ipvsc-apply [COMMAND] [BUNDLE] [OPTIONS]    where it is installed: a folder, or an archive of "ipvsc pack";
                                              none: the one that comes back after a restart

Commands:
  apply      change what differs (the default)
  check      say what apply would change: exit 0 nothing, 3 something
  status     say whether the node holds this bundle: exit 0 yes, 3 no
  confirm    keep what "apply --confirm" did
  rollback   go back to the state before the last apply; again: forth
  drain      remove the real servers that retired and have no connections left
  cleanup    remove everything that ipvsc owns, and nothing else
  install    put this script and units of systemd in place, so that the last bundle that ended well comes back after a
             restart; uninstall takes them away
  boot       bring that bundle back, as ipvsc.service does
  facts      print what only the node knows, as JSON
  collect    pack lists of the node for a diagnosis elsewhere, without secrets
  metrics    print figures of the node in the text format of Prometheus
  help       print this

Options:
  -n, --dry-run             with apply, rollback, cleanup: print the payloads, change nothing
      --confirm SECONDS     go back by itself unless "apply.sh confirm" is run in time
      --no-drain            remove real servers at once, with the connections that they have
      --drain-timeout SECS  how long a retired real server may keep connections (default 900), where its Service does
                            not say it (annotation ipvsc.dev/drain-timeout)
      --wait SECONDS        how long to wait for another run to end (default 60; 0: not at all)
      --limit SECONDS       how long one tool may take (default 120)
      --iptables FLAVOUR    nft or legacy (default: the one in use)
      --take-over           go on although a kube-proxy is running
      --remove-leftovers    remove the chains that kube-proxy's iptables mode left, and what is left of a family that
                            the bundle leaves alone
      --converge            delta bundle: compare everything when the node is not in the expected state
      --other-node          apply to a machine that is not the node of the bundle
      --discard-journal     give up the state before a run that did not end
      --allow-older             take a signed bundle although it is not newer than the last one
      --node NAME               an archive: the bundle of this node
      --prefix DIR              install: the script goes to DIR/sbin (default /usr/local)
      --reconcile MODE          install: every five minutes check for drift, or apply, which mends it (default: neither)
      --config-dir DIR          where allowed_signers is (default /etc/ipvsc)
      --bundle DIR          the bundle (default: the folder that this script lies in)
      --state-dir DIR       where journal and records are kept (default /var/lib/ipvsc)
      --out FILE            collect: the archive to write (default: ipvsc-HOST-TIME.tar.gz here)
      --connections         collect: with all connections, which name clients
      --textfile FILE       metrics: write them there, for node_exporter
  -v, --verbose             say each step; with check: each line
  -q, --quiet               say only what went wrong
      --json                events and the report as JSON lines on standard output

Exit status: 0 done, 1 failed and the state before is back, 2 wrong usage, 3 there are differences, 4 refused and
nothing was touched, 5 another run holds the lock, 6 failed and the state before is not back: run it again.
END
}
