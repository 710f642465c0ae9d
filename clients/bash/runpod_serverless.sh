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
  cache                 speak a new text twice: the second time comes from the cache
  tags                  speak paralinguistic tags such as [laugh]
  health                count the endpoint's jobs and workers
  all                   all of these, one after another (the default)

environment:
  RUNPOD_ENDPOINT_ID, RUNPOD_API_KEY       required
  RUNPOD_ENDPOINT_BASE_URL                 default https://api.runpod.ai/v2
  TTS_INPUT                                more fields of the input, as JSON: {"voice": "ann"}
  TTS_TIMEOUT                              seconds for a job (default 600)

exit codes: 0 done, 1 a check failed or the audio cannot be written, 2 wrong command,
  no key or a tool is missing, 3 the endpoint was not found or refuses the key,
  4 the worker refuses the input, 5 the job failed, timed out or was cancelled,
  6 the job was run again and its audio differs from what a player or pipe was given
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
[[ $TIMEOUT =~ ^[1-9][0-9]{0,5}$ ]] || die 2 "TTS_TIMEOUT is not a whole number of seconds from 1 to 999999"
MORE=${TTS_INPUT:-"{}"}
jq -e 'type == "object"' <<<"$MORE" >/dev/null 2>&1 || die 2 "TTS_INPUT is not a JSON object"

WORK=$(mktemp -d)
JOB="" PART=""
# shellcheck disable=SC2329  # called by the trap
clean() {
  if [[ -n $JOB ]]; then # the script ends before the job, and nothing else reads its audio
    curl -s -m 10 -o /dev/null -K "$WORK/key" -X POST "$BASE/cancel/$JOB" || true
  fi
  if [[ -n $PART ]]; then rm -f "$PART"; fi # nothing half-written
  rm -rf "$WORK"
}
trap clean EXIT
# curl reads the key from a file, so that the process list does not show it.
(umask 077 && printf 'header = "Authorization: Bearer %s"\n' "$RUNPOD_API_KEY" >"$WORK/key")

REACHED=false # whether a request has ever connected

call() { # method path [body]: leave the reply in $WORK/reply
  local method=$1 path=$2 status code data=() began=$SECONDS pause=1 limit retry_after wait
  if [[ $# -gt 2 ]]; then
    printf '%s' "$3" >"$WORK/body"
    data=(--data-binary "@$WORK/body" -H "Content-Type: application/json")
  fi
  # Lost replies, 429 and 5xx are retried for 90 s, as Retry-After asks. If nothing has ever connected, the
  # address is wrong or the network is down: give up after 10 s.
  while true; do
    code=0 limit=90
    : >"$WORK/head"
    status=$(curl -sS -K "$WORK/key" -X "$method" -o "$WORK/reply" -D "$WORK/head" \
      -w '%{http_code} %{num_connects}' --connect-timeout 10 --max-time 100 \
      ${data[@]+"${data[@]}"} "$BASE$path" 2>"$WORK/trouble") || code=$?
    if [[ $status != "000 0" ]]; then REACHED=true; elif [[ $REACHED == false ]]; then limit=10; fi
    status=${status% *}
    if ((code == 0)) && [[ ! $status =~ ^(408|429|5..)$ ]]; then break; fi
    retry_after=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,3\}\)[^0-9]*$/\1/p' "$WORK/head" | tail -n 1)
    wait=$((10#0$retry_after > pause ? 10#0$retry_after : pause))
    ((SECONDS - began + wait <= limit)) || break
    sleep "$wait"
    pause=$((pause * 2))
  done
  ((code == 0)) || die 3 "the endpoint cannot be reached: $(tail -n 1 "$WORK/trouble")"
  case $status in
  2??) jq -e 'type == "object"' "$WORK/reply" >/dev/null 2>&1 || die 3 "the answer is not a JSON object" ;;
  401 | 403) die 3 "the endpoint refused the API key (HTTP $status)" ;;
  404) die 3 "there is no such endpoint or job (HTTP 404)" ;;
  *) die 3 "the endpoint answered HTTP $status" ;;
  esac
}

field() { jq -r "$1 // empty" "$WORK/reply"; }

input() { # text [fields]: print the body of a request
  jq -cn --arg text "$1" --argjson more "$MORE" --argjson own "${2:-"{}"}" '{input: ({text: $text} + $more + $own)}'
}

completed() { # whether the reply's job is completed; exit if it failed, was cancelled or timed out
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

wait_for() { # job: poll until it is completed
  local pause=0.1 end=$((SECONDS + TIMEOUT))
  while true; do
    call GET "/status/$1"
    completed && break
    ((SECONDS < end)) || die 5 "the job was not done within $TIMEOUT s"
    sleep "$pause"
    pause=$(jq -n "[$pause * 1.5, 1] | min")
  done
  JOB=""
}

UNWRITTEN="the audio cannot be written: its reader has closed, or the disk is full"

open_target() { # file: open descriptor 3 for its audio
  if [[ $1 == - ]]; then
    exec 3>&1
  elif [[ -d $1 ]]; then
    die 1 "$1 is a folder: name a file in it"
  else
    # A pipe or a device is written to directly. A file is written as FILE.part and renamed when it is complete.
    [[ -e $1 && ! -f $1 ]] || PART=$1.part
    { exec 3>"${PART:-$1}"; } 2>/dev/null || {
      PART=""
      die 1 "$1 cannot be written: does its folder exist, and may you write to it?"
    }
  fi
}

close_target() { # file: it is complete, give it its name
  exec 3>&-
  if [[ -n $PART ]]; then mv -f "$PART" "$1" 2>/dev/null || die 1 "$1 cannot be written"; fi
  PART=""
}

save() { # file: write the audio of the reply's records, of the last attempt
  jq -r '.output | if type == "array" then . else [.] end
    | (last.attempt) as $attempt | .[] | select(.attempt == $attempt) | .audio_base64' "$WORK/reply" |
    while IFS= read -r record; do base64 -d <<<"$record" || exit 1; done 2>/dev/null >&3 || die 1 "$UNWRITTEN"
  close_target "$1"
}

last() { # field: of the reply's last record
  jq -r ".output | if type == \"array\" then last else . end | $1" "$WORK/reply"
}

report() { # file: print what was made
  if [[ $1 == - ]]; then return 0; fi # standard output holds the audio
  printf '%s: %s ms of speech by %s, %s ms in the worker, cache_hit %s\n' "$1" "$(last .duration_ms)" \
    "$(last .engine)" "$(last .generation_time_ms)" "$(last .cache_hit)"
}

runsync() { # text file [more]
  open_target "$2"
  call POST "/runsync?wait=55000" "$(input "$1" "${3:-"{}"}")"
  if ! completed; then # it takes longer than RunPod holds a request: go on by polling
    JOB=$(field .id)
    wait_for "$JOB"
  fi
  save "$2"
  report "$2"
}

run() { # text file
  open_target "$2"
  call POST /run "$(input "$1" '{"stream": false}')"
  JOB=$(field .id)
  [[ -n $JOB ]] || die 3 "the endpoint accepted the job but returned no id"
  wait_for "$JOB"
  save "$2"
  report "$2"
}

# A stream's audio in order. RunPod's /stream gives each record once; `seq` is its place within an
# attempt, and what a lost reply held is taken from /status. When RunPod runs the job again, a new
# attempt sends every record again: audio that was written already is skipped. If the new audio
# differs, a file is started again from it; audio that went to a player or a pipe cannot be taken back.
ATTEMPT="" NEXT=0 # the attempt being read, and the seq that comes next in it
RECEIVED=0        # bytes of this attempt
WRITTEN=0         # bytes in the target; $WORK/written holds the same
FINAL=false       # whether the last record has come

take() { # attempt seq final base64: write what is new; return 1 if a record before it is missing
  local size
  if [[ $FINAL == true ]]; then return 0; fi
  if [[ $1 != "$ATTEMPT" ]]; then ATTEMPT=$1 NEXT=0 RECEIVED=0; fi
  if (($2 > NEXT)); then return 1; fi
  if (($2 < NEXT)); then return 0; fi
  base64 -d <<<"${4:-}" >"$WORK/piece" || die 5 "the audio of record $2 is damaged"
  size=$(wc -c <"$WORK/piece")
  FINAL=$3
  same_as_written "$size" || start_again
  NEXT=$((NEXT + 1)) RECEIVED=$((RECEIVED + size))
  if ((RECEIVED > WRITTEN)); then
    tail -c "$((RECEIVED - WRITTEN))" "$WORK/piece" | tee -a "$WORK/written" >&3 2>/dev/null ||
      die 1 "$UNWRITTEN"
    WRITTEN=$RECEIVED
  fi
}

same_as_written() { # size: whether the piece has the bytes that were written in its place, if any were
  local known=$((WRITTEN - RECEIVED))
  if ((known == 0)); then return 0; fi
  if ((known > $1)); then
    if [[ $FINAL == true ]]; then return 1; fi # the new attempt is shorter
    known=$1
  fi
  cmp -s <(tail -c "+$((RECEIVED + 1))" "$WORK/written" | head -c "$known") <(head -c "$known" "$WORK/piece")
}

start_again() { # keep of what was written only the beginning that this attempt repeated
  [[ -n $PART ]] ||
    die 6 "the job was run again and its audio differs from what was written: run the command again"
  {
    head -c "$RECEIVED" "$WORK/written" >"$WORK/kept" && mv "$WORK/kept" "$WORK/written" &&
      exec 3>"$PART" && cat "$WORK/written" >&3
  } 2>/dev/null || die 1 "$UNWRITTEN"
  WRITTEN=$RECEIVED
}

# A line for each record: the arguments of `take`.
RECORD='select(type == "object" and (.seq | type == "number"))
  | [(.attempt | tojson), (.seq | floor), .final == true, .audio_base64] | @tsv'

stream() { # text file
  local pause=0.05 end=$((SECONDS + TIMEOUT)) missing count record
  open_target "$2"
  call POST /run "$(input "$1" '{"stream": true}')"
  JOB=$(field .id)
  [[ -n $JOB ]] || die 3 "the endpoint accepted the job but returned no id"
  while [[ $FINAL != true ]]; do
    ((SECONDS < end)) || die 5 "the job was not done within $TIMEOUT s"
    call GET "/stream/$JOB"
    count=$(jq '.stream | length' "$WORK/reply")
    missing=false
    jq -r ".stream[]?.output? | $RECORD" "$WORK/reply" >"$WORK/records"
    while [[ $count -gt 0 ]] && IFS=$'\t' read -ra record; do
      take "${record[@]}" || missing=true
    done <"$WORK/records"
    if [[ $FINAL == true ]]; then
      break
    elif [[ $missing == true || ($count == 0 && $(field .status) =~ ^(COMPLETED|FAILED|CANCELLED|TIMED_OUT)$) ]]; then
      rest
    elif ((count == 0)); then
      sleep "$pause"
      pause=$(jq -n "[$pause * 2, 0.4] | min")
    else
      pause=0.05
    fi
  done
  JOB=""
  close_target "$2"
  printf '%s: %s bytes, written as they were made\n' "$2" "$WRITTEN" >&2
}

rest() { # take the records that /stream no longer has from /status
  local record
  wait_for "$JOB"
  jq -r "(.output | if type == \"array\" then . else [.] end | map(objects)) | last.attempt as \$a
    | .[] | select(.attempt == \$a) | $RECORD" "$WORK/reply" >"$WORK/records"
  while IFS=$'\t' read -ra record; do
    take "${record[@]}" || die 5 "the job is done, but its record $NEXT is missing"
  done <"$WORK/records"
  [[ $FINAL == true ]] || die 5 "the job is done, but its record $NEXT is missing"
}

cache() { # the same text twice
  local text
  text="A text that was never spoken before: $(date +%s%N)."
  runsync "$text" "$WORK/first.mp3"
  [[ $(last .cache_hit) == false ]] || die 1 "a new text came from the cache"
  runsync "$text" "$WORK/second.mp3"
  [[ $(last .cache_hit) == true ]] || die 1 "the same text did not come from the cache"
  cmp "$WORK/first.mp3" "$WORK/second.mp3" || die 1 "the cached file differs from the first"
  echo "cache: the second time came from the cache, byte for byte"
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
  echo "all passed"
}

COMMAND=${1:-all}
case $COMMAND in
runsync | run | stream)
  [[ -n ${2:-} ]] || die 2 "$COMMAND needs a text (see --help)"
  "$COMMAND" "$2" "${3:-speech.mp3}"
  ;;
cache | health | all) "$COMMAND" ;;
tags) tags "${2:-tags.mp3}" ;;
*) die 2 "unknown command $COMMAND (see --help)" ;;
esac
