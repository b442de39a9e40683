# --- families -------------------------------------------------------------------------------------------------

# has_family FAMILY: whether the kernel has it, or has a module for it that is not loaded yet.
has_family() {
  [ "$1" = ipv6 ] || return 0
  [ ! -e /proc/net/if_inet6 ] || return 0
  # Switched off when the kernel was started: the module is there, the family is not.
  [ ! -d /sys/module/ipv6 ] && modprobe -n -q ipv6 2> /dev/null
}

# leave_out_families: those that the kernel lacks and no Service needs; a module that is only not loaded is loaded with the
# others.
leave_out_families() {
  for family in $FAMILIES; do
    if has_family "$family"; then
      [ "$family" = ipv4 ] || [ -e /proc/net/if_inet6 ] || MODULES="ipv6 $MODULES"
      continue
    fi
    case $command in
      apply | check | status)
        ! needs_family "$family" ||
          refuse "the kernel of this node has no $family, which Services of this bundle need: build the bundle with --family, or start the kernel with it"
        say_standing "the kernel of this node has no $family: it is left out, and no Service of this bundle needs it"
        ;;
    esac
    leave_out "$family"
  done
}

# needs_family FAMILY: whether the bundle has virtual servers of it.
needs_family() {
  check_files
  awk -v wanted=yes "$AWK_LEFT_OUT" "$copy/wanted.state" > "$work/needed" || refuse "cannot write to $work: is there room?"
  awk '$1 == "virtual" { needed = 1 } END { exit !needed }' "$work/needed"
}

# leave_out FAMILY: nothing of it is ours any more.
leave_out() {
  split_words "$1" "$FAMILIES" && FAMILIES=$kept left_out="$left_out $1"
  split_words "$1/" "$CHAINS" && CHAINS=$kept
  [ "$1" = ipv6 ] || return 0
  split_words KUBE-6- "$SETS" && SETS=$kept
  split_words net.ipv6. "$SYSCTLS" && SYSCTLS=$kept
  split_words net.ipv6. "$PREREQUISITES" && PREREQUISITES=$kept
}

# split_words PREFIX LIST: $kept are those that do not begin so.
split_words() {
  kept=''
  for word in $2; do
    case $word in
      "$1"*) ;;
      *) kept="$kept${kept:+ }$word" ;;
    esac
  done
}

# state_of_left_out: what the bundle wants of families that are left out: a delta counts on it.
state_of_left_out() { [ -z "$left_out" ] || awk -v wanted=yes "$AWK_LEFT_OUT" "$copy/wanted.state"; }

# --- families that the bundle leaves alone ----------------------------------------------------------------------

# take_over_families: --remove-leftovers makes what is ours of all families ours.
take_over_families() {
  [ "$remove_leftovers" = yes ] || return 0
  for family in ipv4 ipv6; do
    case " $FAMILIES $left_out " in *" $family "*) continue ;; esac
    ! has_family "$family" || FAMILIES="$FAMILIES $family"
  done
  SETS="$SETS $OTHER_SETS" CHAINS="$CHAINS $OTHER_CHAINS"
  OTHER_SETS='' OTHER_CHAINS=''
}

# find_narrowed: $work/narrowed says what the node holds of a family that is ours by its name and that the bundle leaves alone.
# 1: that cannot be told.
find_narrowed() {
  true > "$work/narrowed" || return 1
  [ -n "$OTHER_SETS" ] || return 0
  case " $FAMILIES " in *' ipv4 '*) other=ipv6 ;; *) other=ipv4 ;; esac
  (
    FAMILIES=$other SETS=$OTHER_SETS CHAINS=$OTHER_CHAINS SYSCTLS='' TIMEOUTS=''
    mkdir -p "$work/other" && read_other && normalise "$work/other/rules" part=ipvs "$work/have/ipvs" part=ipset "$work/have/ipset" \
      part=addresses "$work/have/bound" "part=$other" "$work/other/$other" > "$work/other/state"
  ) || return 1
  # Virtual servers alone are somebody else's.
  awk -v family="$other" '
    { count[$1]++ }
    END {
      n = split("set entry chain rule jump address virtual real", kind, " ")
      split("sets,set entries,chains,rules,jumps,addresses,virtual servers,real servers", words, ",")
      for (i = 1; i <= n; i++) if (count[kind[i]] > 0) text = text (text == "" ? "" : ", ") count[kind[i]] " " words[i]
      if (count["set"] + count["chain"] + count["address"] > 0)
        print "the bundle leaves " family " alone, but the node holds of it " text ": --remove-leftovers removes them"
    }' "$work/other/state" > "$work/narrowed"
}

# Rules of the other family, where its tool and its tables are there: nothing is loaded to look.
read_other() {
  true > "$work/other/$other" || return 1
  use_tables "$other"
  has "$tables-save" || return 0
  if [ "$flavour" = legacy ]; then
    case $other in ipv4) names=/proc/net/ip_tables_names ;; ipv6) names=/proc/net/ip6_tables_names ;; esac
    { read -r first < "$names"; } 2> /dev/null && [ -n "$first" ] || return 0
  fi
  into=$work/other
  read_part "$other" "$tables-save" "$tables-save"
}

# keep_link: an interface that has addresses of a family which is not ours stays, whoever wanted it to go.
keep_link() {
  [ -s "$work/have/bound" ] || return 0
  awk -v families=" $FAMILIES " '
    part == "want" { if ($1 == "link") wanted = 1; next }
    $3 !~ /^fe[89ab].:/ && !index(families, " " ($3 ~ /:/ ? "ipv6" : "ipv4") " ") { others = 1 }
    END { exit !(others && !wanted) }' part=want "$work/want/state" part=have "$work/have/bound" || return 0
  { limited cat "$work/want/state" && echo "link $DUMMY"; } > "$work/want/unsorted" && sort "$work/want/unsorted" > "$work/want/sorted" &&
    call mv mv "$work/want/sorted" "$work/want/state"
}
