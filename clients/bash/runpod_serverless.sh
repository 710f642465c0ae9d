#!/usr/bin/env bash
# Speech from a chatterpod endpoint on RunPod Serverless, with curl and jq alone.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: runpod_serverless.sh [COMMAND] [TEXT] [FILE]

  runsync TEXT [FILE]   speak a short text in one request (FILE: default speech.mp3)
  run TEXT [FILE]       queue a job, poll it, write its file
  stream TEXT [FILE]    write the audio as it is made; FILE may be -, for a player:
                        runpod_serverless.sh stream "Hello there." - | mpv -
  cache                 speak a new text twice: the second comes from the cache
  tags                  speak paralinguistic tags such as [laugh]
  health                count the endpoint's jobs and workers
  all                   all of it, one after another (the default)

environment:
  RUNPOD_ENDPOINT_ID, RUNPOD_API_KEY       required
  RUNPOD_ENDPOINT_BASE_URL                 default https://api.runpod.ai/v2
  TTS_INPUT                                more fields of the input, as JSON: {"voice": "ann"}
  TTS_TIMEOUT                              seconds for a job (default 600)

exit codes: 0 done, 1 a check failed or the audio cannot be written, 2 wrong command,
  no key or a tool is missing, 3 the endpoint is not there or refuses the key,
  4 the worker refuses the input, 5 the job failed, timed out or was cancelled
TEXT
}

die() { # code message...
  local code=$1
  shift
  printf 'runpod_serverless.sh: %s\n' "$*" >&2
  exit "$code"
}

for tool in curl jq base64; do
  command -v "$tool" >/dev/null || die 2 "$tool is missing: install it"
done

case ${1:-all} in
-h | --help | help)
  usage
  exit 0
  ;;
esac

[[ -n ${RUNPOD_ENDPOINT_ID:-} ]] || die 2 "no endpoint: set RUNPOD_ENDPOINT_ID"
[[ -n ${RUNPOD_API_KEY:-} ]] || die 2 "no API key: set RUNPOD_API_KEY"
BASE="${RUNPOD_ENDPOINT_BASE_URL:-https://api.runpod.ai/v2}/$RUNPOD_ENDPOINT_ID"
TIMEOUT=${TTS_TIMEOUT:-600}
[[ $TIMEOUT =~ ^[1-9][0-9]{0,5}$ ]] || die 2 "TTS_TIMEOUT is no number of seconds"
MORE=${TTS_INPUT:-"{}"}
jq -e 'type == "object"' <<<"$MORE" >/dev/null 2>&1 || die 2 "TTS_INPUT is no JSON object"

WORK=$(mktemp -d)
JOB="" PART=""
# shellcheck disable=SC2329  # called by the trap
clean() {
  if [[ -n $JOB ]]; then # we are leaving before the job's end: nobody else reads it
    curl -s -m 10 -o /dev/null -K "$WORK/key" -X POST "$BASE/cancel/$JOB" || true
  fi
  if [[ -n $PART ]]; then rm -f "$PART"; fi # nothing half-written
  rm -rf "$WORK"
}
trap clean EXIT
# The key goes through a file, so that the process list does not show it.
(umask 077 && printf 'header = "Authorization: Bearer %s"\n' "$RUNPOD_API_KEY" >"$WORK/key")

REACHED=false # whether anybody was there, ever

call() { # method path [body]: the reply is in $WORK/reply
  local method=$1 path=$2 status code data=() began=$SECONDS pause=1 limit asked wait
  if [[ $# -gt 2 ]]; then
    printf '%s' "$3" >"$WORK/body"
    data=(--data-binary "@$WORK/body" -H "Content-Type: application/json")
  fi
  # Lost replies, 429 and 5xx are tried again, as Retry-After asks. Where nobody has ever been there, the
  # address is wrong or the network is down: that is told soon.
  while true; do
    code=0 limit=90
    : >"$WORK/head"
    status=$(curl -sS -K "$WORK/key" -X "$method" -o "$WORK/reply" -D "$WORK/head" \
      -w '%{http_code} %{num_connects}' --connect-timeout 10 --max-time 100 \
      ${data[@]+"${data[@]}"} "$BASE$path" 2>"$WORK/trouble") || code=$?
    if [[ $status != "000 0" ]]; then REACHED=true; elif [[ $REACHED == false ]]; then limit=10; fi
    status=${status% *}
    if ((code == 0)) && [[ ! $status =~ ^(408|429|5..)$ ]]; then break; fi
    asked=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,3\}\)[^0-9]*$/\1/p' "$WORK/head" | tail -n 1)
    wait=$((10#0$asked > pause ? 10#0$asked : pause))
    ((SECONDS - began + wait <= limit)) || break
    sleep "$wait"
    pause=$((pause * 2))
  done
  ((code == 0)) || die 3 "the endpoint cannot be reached: $(tail -n 1 "$WORK/trouble")"
  case $status in
  2??) jq -e 'type == "object"' "$WORK/reply" >/dev/null 2>&1 || die 3 "the answer is no JSON object" ;;
  401 | 403) die 3 "the endpoint refused the API key (HTTP $status)" ;;
  404) die 3 "there is no such endpoint or job (HTTP 404)" ;;
  *) die 3 "the endpoint answered HTTP $status" ;;
  esac
}

field() { jq -r "$1 // empty" "$WORK/reply"; }

input() { # text [more]: the body of a request
  jq -cn --arg text "$1" --argjson more "$MORE" --argjson own "${2:-"{}"}" '{input: ({text: $text} + $more + $own)}'
}

ended() { # whether the reply is that of a job that is done; leaves where it failed
  local error
  case $(field .status) in
  COMPLETED) return 0 ;;
  FAILED)
    JOB=""
    error=$(field .error)
    case $error in
    invalid_input:* | text_too_long:* | unsupported_*:* | unknown_voice:* | voice_unusable:*) die 4 "$error" ;;
    *) die 5 "${error:-the job failed, and the endpoint does not say why}" ;;
    esac
    ;;
  CANCELLED)
    JOB=""
    die 5 "the job was cancelled"
    ;;
  TIMED_OUT)
    JOB=""
    die 5 "the job took longer than its endpoint allows"
    ;;
  *) return 1 ;;
  esac
}

wait_for() { # job: until it is done
  local pause=0.1 end=$((SECONDS + TIMEOUT))
  while true; do
    call GET "/status/$1"
    ended && break
    ((SECONDS < end)) || die 5 "the job was not done within $TIMEOUT s"
    sleep "$pause"
    pause=$(jq -n "[$pause * 1.5, 1] | min")
  done
  JOB=""
}

UNWRITTEN="the audio cannot be written: its reader is gone, or there is no room"

target() { # file: what goes to descriptor 3 is it, under its name when it is whole
  if [[ $1 == - ]]; then
    exec 3>&1
  elif [[ -d $1 ]]; then
    die 1 "$1 is a folder: name a file in it"
  else
    # A pipe or a device is written itself. A file is written beside its place: a rename is whole or not at all.
    [[ -e $1 && ! -f $1 ]] || PART=$1.part
    { exec 3>"${PART:-$1}"; } 2>/dev/null || {
      PART=""
      die 1 "$1 cannot be written: is there such a folder, and may you write to it?"
    }
  fi
}

keep() { # file: it is whole
  exec 3>&-
  if [[ -n $PART ]]; then mv -f "$PART" "$1" 2>/dev/null || die 1 "$1 cannot be written"; fi
  PART=""
}

save() { # file: the audio of the reply's records, of the last attempt
  jq -r '.output | if type == "array" then . else [.] end
    | (last.attempt) as $attempt | .[] | select(.attempt == $attempt) | .audio_base64' "$WORK/reply" |
    while IFS= read -r record; do base64 -d <<<"$record" || exit 1; done 2>/dev/null >&3 || die 1 "$UNWRITTEN"
  keep "$1"
}

last() { jq -r ".output | if type == \"array\" then last else . end | $1" "$WORK/reply"; }

told() { # file: what was made
  if [[ $1 == - ]]; then return 0; fi # the audio went where this would go
  printf '%s: %s ms of speech by %s, %s ms in the worker, cache_hit %s\n' "$1" "$(last .duration_ms)" \
    "$(last .engine)" "$(last .generation_time_ms)" "$(last .cache_hit)"
}

runsync() { # text file [more]
  target "$2"
  call POST "/runsync?wait=55000" "$(input "$1" "${3:-"{}"}")"
  if ! ended; then # it takes longer than RunPod holds a request: go on by polling
    JOB=$(field .id)
    wait_for "$JOB"
  fi
  save "$2"
  told "$2"
}

run() { # text file
  target "$2"
  call POST /run "$(input "$1" '{"stream": false}')"
  JOB=$(field .id)
  [[ -n $JOB ]] || die 3 "the endpoint took the job and named no id"
  wait_for "$JOB"
  save "$2"
  told "$2"
}

# A job's audio in order: a record has its place within an attempt (seq). What another attempt repeats
# is skipped: by bytes while they are the same; where an engine that is not exact spoke it a little
# differently, by time: on with the first segment that was not heard, less the silence before it that
# was. What a lost reply held is taken from /status.
HELD_MS=200 # of a segment's end may still be in the encoder when its record goes out
LEAD_MS=60  # frames draw on bytes of the two before them: those must be of the same take
LAG_MS=46   # decoded MP3 is so much later than the speech
RATES=(0 8 16 24 32 40 48 56 64 80 96 112 128 144 160) # kbit/s by the four bits of a frame's header
# What was written: its bytes, its end, the place and the end of each segment, the last place.
WRITTEN=0 WRITTEN_MS=0 TOLD=() LAST=-1
# The attempt: its bytes so far; whether they are those written, and have reached what is new; and the
# last segment that was heard to its end, with that end in the audio written and in the attempt's.
ATTEMPT="" NEXT=0 AT=0 FINAL=false SAME=1 JOINED=1 SHIFT_MS=0 HEARD=-1 SILENT_MS=0 REPEATED_MS=0
# The record: its segments; how many of its bytes, and the place up to which its segments, are known.
SAID=() SKIP=0 SINCE=-1

begin() { # attempt
  local n
  ATTEMPT=$1 NEXT=0 AT=0 JOINED=$((WRITTEN == 0)) SAME=1 SHIFT_MS=0 HEARD=-1 SILENT_MS=0 REPEATED_MS=0
  for ((n = 0; n < ${#TOLD[@]}; n += 2)); do
    if ((TOLD[n + 1] <= WRITTEN_MS + HELD_MS)); then
      ((TOLD[n] <= HEARD)) || HEARD=${TOLD[n]}
      ((TOLD[n + 1] <= SILENT_MS)) || SILENT_MS=${TOLD[n + 1]}
    fi
  done
}

repeated() { # size start_ms: what of the record was heard, as SKIP and SINCE
  local n known=$((WRITTEN - AT))
  if ((SAME)); then
    SKIP=$((known < $1 ? known : $1)) SINCE=$LAST
    if cmp -s <(tail -c "+$((AT + 1))" "$WORK/written" | head -c "$SKIP") <(head -c "$SKIP" "$WORK/piece"); then
      JOINED=$((known <= $1))
      return 0
    fi
  fi
  SAME=0 SKIP=$1 SINCE=$HEARD
  for ((n = 0; n < ${#SAID[@]}; n += 3)); do
    if ((SAID[n] > HEARD)); then
      JOINED=1
      later "$1" "$2" "${SAID[n + 1]}"
      return 0
    fi
    ((SAID[n + 2] <= REPEATED_MS)) || REPEATED_MS=${SAID[n + 2]}
  done
}

later() { # size start_ms begins_ms: the record from a segment on, with as much of a pause as is due
  local origin=$2 unit=2 samples=1 lead=0 pause=$(($3 - REPEATED_MS - WRITTEN_MS + SILENT_MS)) before count
  if [[ $(od -An -tx1 -N3 "$WORK/piece") =~ ff\ *f3\ *([4-9a-e])[45] ]]; then # otherwise it is PCM
    unit=$((RATES[16#${BASH_REMATCH[1]}] * 3)) samples=576 lead=$LEAD_MS
    ((AT > 0)) || origin=-$LAG_MS
  fi
  ((pause <= lead)) || lead=$pause
  before=$(($3 - lead - origin))
  ((before > 0)) || before=0
  count=$(((48 * before + samples) / (2 * samples))) # the nearest; 24 samples a millisecond
  SKIP=$((count * unit < $1 ? count * unit : $1)) SHIFT_MS=$((WRITTEN_MS - origin - count * samples / 24))
}

take() { # attempt seq final start_ms end_ms segments base64: false where a record is missing before it
  local size n end
  if [[ $FINAL == true ]]; then return 0; fi
  if [[ $1 != "$ATTEMPT" ]]; then begin "$1"; fi
  if (($2 > NEXT)); then
    return 1
  elif (($2 < NEXT)); then
    return 0
  fi
  base64 -d <<<"${7:-}" >"$WORK/piece" || die 5 "the audio of record $2 is damaged"
  size=$(stat -c %s "$WORK/piece")
  SKIP=0 SINCE=-1
  read -ra SAID <<<"$6"
  ((JOINED)) || repeated "$size" "$4"
  AT=$((AT + size)) NEXT=$((NEXT + 1)) FINAL=$3
  if ((SKIP == size)) && [[ $FINAL != true ]]; then return 0; fi
  tail -c "+$((SKIP + 1))" "$WORK/piece" | tee -a "$WORK/written" >&3 2>/dev/null ||
    die 1 "$UNWRITTEN"
  WRITTEN=$((WRITTEN + size - SKIP))
  ((WRITTEN_MS >= $5 + SHIFT_MS)) || WRITTEN_MS=$(($5 + SHIFT_MS))
  for ((n = 0; n < ${#SAID[@]}; n += 3)); do
    if ((SAID[n] > SINCE)); then
      end=$((SAID[n + 2] + SHIFT_MS))
      TOLD+=("${SAID[n]}" "$((end > 0 ? end : 0))")
      ((SAID[n] <= LAST)) || LAST=${SAID[n]}
    fi
  done
}

# A line a record, as `take` has it; its segments as place in the text, start_ms and end_ms each, after
# a blank, since `read` would pass over an empty field.
RECORD='select(type == "object" and (.seq | type == "number"))
  | [(.attempt | tojson), (.seq | floor), .final == true, (.start_ms // 0 | floor), (.end_ms // 0 | floor),
    ([" ", (.segments[]? | (.turn // 0) * 1e9 + (.char_end // 0), .start_ms // 0, .end_ms // 0
      | floor | tostring)] | join(" ")), .audio_base64] | @tsv'

stream() { # text file
  local pause=0.05 end=$((SECONDS + TIMEOUT)) whole count record
  target "$2"
  call POST /run "$(input "$1" '{"stream": true}')"
  JOB=$(field .id)
  [[ -n $JOB ]] || die 3 "the endpoint took the job and named no id"
  while [[ $FINAL != true ]]; do
    ((SECONDS < end)) || die 5 "the job was not done within $TIMEOUT s"
    call GET "/stream/$JOB"
    count=$(jq '.stream | length' "$WORK/reply")
    whole=true
    jq -r ".stream[]?.output? | $RECORD" "$WORK/reply" >"$WORK/records"
    while [[ $count -gt 0 ]] && IFS=$'\t' read -ra record; do
      take "${record[@]}" || whole=false
    done <"$WORK/records"
    if [[ $FINAL != true && ($whole == false || ($count == 0 && $(field .status) =~ ^(COMPLETED|FAILED|CANCELLED|TIMED_OUT)$)) ]]; then
      rest
    elif [[ $count == 0 ]]; then
      sleep "$pause"
      pause=$(jq -n "[$pause * 2, 0.4] | min")
    else
      pause=0.05
    fi
  done
  JOB=""
  keep "$2"
  printf '%s: %s bytes, as they came\n' "$2" "$WRITTEN" >&2
}

rest() { # what /stream cannot bring any more
  local record
  wait_for "$JOB"
  jq -r "(.output | if type == \"array\" then . else [.] end | map(objects)) | last.attempt as \$a
    | .[] | select(.attempt == \$a) | $RECORD" "$WORK/reply" >"$WORK/records"
  while IFS=$'\t' read -ra record; do
    take "${record[@]}" || die 5 "the job is done, but record $NEXT never came"
  done <"$WORK/records"
  [[ $FINAL == true ]] || die 5 "the job is done, but record $NEXT never came"
}

cache() { # the same text twice
  local text
  text="A text that nobody has said before: $(date +%s%N)."
  runsync "$text" "$WORK/first.mp3"
  [[ $(last .cache_hit) == false ]] || die 1 "the first time it came from the cache"
  runsync "$text" "$WORK/second.mp3"
  [[ $(last .cache_hit) == true ]] || die 1 "the second time it did not come from the cache"
  cmp "$WORK/first.mp3" "$WORK/second.mp3" || die 1 "the cached file is another one"
  echo "cache: the second time it came from the cache, byte for byte"
}

tags() { runsync "That is the best joke I ever heard. [laugh] Tell me another one." "${1:-tags.mp3}"; }

health() {
  call GET /health
  jq -r 'to_entries[] | .key + ": " + (.value | to_entries | map("\(.key) \(.value)") | join(", "))' "$WORK/reply"
}

all() {
  echo "1. runsync"
  runsync "Hello from RunPod Serverless." runsync.mp3
  echo "2. run and poll"
  run "A longer request, which is queued and then polled until it is done." run.mp3
  echo "3. cache"
  cache
  echo "4. paralinguistic tags"
  tags tags.mp3
  echo "5. stream"
  stream "This is written while it is being made. Each sentence comes when it is done." stream.mp3
  echo "all is well"
}

COMMAND=${1:-all}
case $COMMAND in
runsync | run | stream)
  [[ -n ${2:-} ]] || die 2 "$COMMAND needs a text (see --help)"
  "$COMMAND" "$2" "${3:-speech.mp3}"
  ;;
cache | health | all) "$COMMAND" ;;
tags) tags "${2:-tags.mp3}" ;;
*) die 2 "there is no command $COMMAND (see --help)" ;;
esac
