def select(f): if f then . else empty end;
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def recurse: recurse(.[]?);
def recurse(f): def r: ., (f | r); r;
def recurse(f; condition): def r: ., (f | select(condition) | r); r;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type == "array" or type == "object");
def scalars: select(type != "array" and type != "object");
def finites: select(isfinite);
def normals: select(isnormal);
def range($upto): range(0; $upto);
def range($from; $upto; $by):
  if $by > 0 then $from | while(. < $upto; . + $by)
  elif $by < 0 then $from | while(. > $upto; . + $by)
  else empty end;
def while(condition; update): def loop: if condition then ., (update | loop) else empty end; loop;
def until(condition; update): def loop: if condition then . else (update | loop) end; loop;
def repeat(f): def loop: f, loop; loop;
def first: .[0];
def last: .[-1];
def last(f): reduce f as $item (null; $item);
def nth($n): .[$n];
def nth($n; f):
  if $n < 0 then error("nth doesn't support negative indices")
  else first(foreach f as $item ($n + 1; . - 1; select(. <= 0) | $item)) end;
def isempty(f): label $out | (f | false, break $out), true;
def any(generator; condition): isempty(first(generator | condition or empty)) | not;
def all(generator; condition): isempty(first(generator | condition and empty));
def any(f): any(.[]; f);
def all(f): all(.[]; f);
def any: any(.);
def all: all(.);
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def del(f): delpaths([path(f)]);
def paths: path(..) | select(length > 0);
def paths(condition): path(.. | select(condition)) | select(length > 0);
def leaf_paths: paths(scalars);
def pick(pathexps): . as $top | reduce path(pathexps) as $p (null; setpath($p; $top | getpath($p)));
def to_entries: [keys_unsorted[] as $k | {key: $k, value: .[$k]}];
def with_entries(f): to_entries | map(f) | from_entries;
def walk(f):
  def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f;
  w;
def combinations:
  if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $rest | [$x] + $rest end;
def combinations(n): . as $dot | [range(n)] | map($dot) | combinations;
def tostream:
  path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): {x: null, e: false} as $init |
  foreach f as $i ($init;
    if .e then $init else . end |
    if $i | length == 2
    then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
    else setpath(["e"]; $i[0] | length == 1) end;
    if .e then .x else empty end);
def truncate_stream(stream):
  . as $n | null | stream | . as $input | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;
def INDEX(stream; key): reduce stream as $row ({}; .[$row | key | tostring] |= $row);
def INDEX(key): INDEX(.[]; key);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def JOIN($idx; key): [.[] | [., $idx[key]]];
def JOIN($idx; stream; key): stream | [., $idx[key]];
def JOIN($idx; stream; key; join): stream | [., $idx[key]] | join;
def match(re): match(re; null);
def test(re): test(re; null);
def capture(re): capture(re; null);
def capture(re; flags): match(re; flags) | __capture;
def match(re; flags): __match(re; flags; false) | .[];
def test(re; flags): __match(re; flags; true);
def scan($re): scan($re; null);
def scan($re; $flags):
  match($re; "g" + $flags) | if (.captures | length) > 0 then [.captures[].string] else .string end;
def splits($re): splits($re; null);
def split($re; flags): [flags] as $all | if $all == [] then [.[:length]] else __split($re; $all) end;
def splits($re; flags): split($re; flags) | .[];
def sub(re; str): sub(re; str; "");
def gsub(re; str): sub(re; str; "g");
def gsub($re; str; $flags): sub($re; str; $flags + "g");
def sub($re; str; $flags): . as $in |
  (reduce __match($re; $flags; false)[] as $edit ({result: [], previous: 0};
      $in[.previous:($edit | .offset)] as $gap
    | [reduce ($edit | __capture | str) as $piece ([]; . + [$piece]) | .[]] as $inserts
    | reduce range(0; $inserts | length) as $i (.; .result[$i] += $gap + $inserts[$i])
    | .previous = ($edit | .offset + .length))
   | .result[] + $in[.previous:]) // $in;
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def todateiso8601: todate;
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def fromdate: fromdateiso8601;
def date: todate;
def dateadd(u; n): . + n;
def datesub(u; n): . - n;
def ascii: [.] | implode;
def debug(message): (message | debug | empty), .;
def error(message): message | error;
def halt_error: halt_error(5);
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1:][0];
def abs: if . < 0 then -. else . end;
def toarray: if type == "array" then . else [.] end;
def get_search_list: [];
