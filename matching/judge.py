"""Same, different or unsure; and how well documented. The engine says how likely, the rules here what may be said of it.

The probability is a posterior over everybody on the roll who might be meant, and "none of them". Credentials under one full name
are taken for one person's as far as chance namesakes are rare. A person's verdict outranks all of it.
"""

from matching.compare import SENTENCES, sentence_sql
from matching.linkage import link
from matching.linkage.fields import Field, Fields
from matching.linkage.odds import Linkage
from matching.records import SAME, Connection

UNSURE = 0.05  # below it a pair is different, unless the number says otherwise
AGAINST = 0.5  # and below this where a part of the name contradicts
DOCUMENTED = 0.99  # posterior from which a pair may carry a tier A finding
UNIQUE_FROM = 5_000  # rows of a roll on which a name alone may document; see DECISIONS: how large a roll must be for a name to be unique
RARE = 0.05  # so few chance namesakes expected on the roll that one full name is one person
SECOND = 0.1  # share of license holders taken to hold a second license, before looking: so often one name is one person
NOT_BY_CHANCE = 0.1  # share of strangers taken to bear a name that stands on the roll, before looking: relatives, colleagues, communities

# What is compared; the columns are those of matching.pair. A number carried over by NPI is a license number, too.
FIELDS = Fields(
    "uid",
    (
        Field("license_number", "license_number"),
        Field("npi", "license_number"),
        Field("family_name", "family_name"),
        Field("given_name", "given_name"),
        Field("middle_name", "middle_name"),
        Field("suffix", "name_suffix"),
        Field("profession", "category"),
    ),
)
_LISTED = """
create or replace temp view listed_person as
select
  identity.identity_id as uid, identity.number as license_number, carried.number as npi, family as family_name, given as given_name,
  middle as middle_name, suffix, case when in_scope then 'own' end as profession
from identity left join carried on carried.identity_id = identity.identity_id
"""
_LICENSED = """
create or replace temp view licensed_person as
select
  credential_id as uid, license_key as license_number, license_key as npi, family as family_name, given as given_name,
  middle as middle_name, suffix, case when in_profession then 'own' else 'other' end as profession
from matching.licensed
"""

_ELSEWHERE = """
list_has_any(string_split(identity.middle, ' '), string_split(concat_ws(' ', licensed.given, licensed.family), ' '))
  or list_has_any(string_split(licensed.middle, ' '), string_split(concat_ws(' ', identity.given, identity.family), ' '))
  or split_part(identity.middle, ' ', 1) = split_part(licensed.middle, ' ', 1)"""

# Nothing in the names says that it is somebody else. Names that only resemble one another must be one slip apart, and beside a family
# name that is not the same the given name must be, or the full middle name.
_COMPATIBLE = f"""
family_name <> 'different' and given_name <> 'different'
  and (family_name <> 'alike' or damerau_levenshtein(identity.family, licensed.family) <= 1)
  and (given_name <> 'alike' or damerau_levenshtein(identity.given, licensed.given) <= 1 and length(identity.given) >= 4
    or length(identity.given) >= 3 and starts_with(licensed.given, identity.given)
    or length(licensed.given) >= 3 and starts_with(identity.given, licensed.given))
  and (family_name not in ('near', 'alike', 'middle') or given_name in ('equal', 'form') or middle_name = 'equal')
  and (middle_name <> 'different' or coalesce({_ELSEWHERE}, false))
  and levelled.suffix <> 'different'"""

_EXPLAINED = ", ".join(
    f"{{'respect': '{respect}', 'level': levelled.{respect}, 'weight': round(weight_{respect}, 2), 'reason': {sentence_sql(respect)}}}"
    for respect in SENTENCES
)


def _levelled(found: Linkage) -> str:
    """Levels by name; a number printed without its prefix, and one that the registry knows, are told apart."""
    names = {field.column: comparison.levels for field, comparison in zip(FIELDS.fields, found.comparisons, strict=True)}
    columns = []
    for respect, levels in names.items():
        named = f"{list(levels)!r}[level_{respect} + 1]"
        if respect == "license_number":
            named = f"case when level_license_number = 1 and identity.license_key is null then 'digits' else {named} end"
        if respect == "npi":
            named = f"case when level_npi = 1 and carried.carried_by = 'registry' then 'registered' else {named} end"
        columns.append(f"{named} as {respect}")
    return (
        f"select linked.*, {', '.join(columns)} from linked join identity on identity.identity_id = linked.id_l "
        "left join carried on carried.identity_id = linked.id_l"
    )


# Chance namesakes: how many bear the licensed name if its parts fall together by chance; beside 100 other names, lest a short roll
# make every name rare or common.
_OFTEN = """
create or replace temp table often as
with kept as (
  select distinct family, given, middle from matching.licensed where credential_id in (select id_r from linked)
), everybody as (
  select count(*) + 100 as n from matching.licensed
), families as (
  select family, count(*) as n from matching.licensed where family in (select family from kept) group by family
), givens as (
  select given, count(*) as n from matching.licensed where given in (select given from kept) group by given
), middles as (
  select middle, count(*) as n from matching.licensed where middle in (select middle from kept) group by middle
), together as (
  select family, given, count(distinct person_key) as n from matching.licensed
  where family in (select family from kept) and given in (select given from kept) group by family, given
)
select
  kept.*, families.n / everybody.n as family_share, coalesce(givens.n / everybody.n, 1) as given_share,
  coalesce(middles.n / everybody.n, 1) as middle_share,
  together.n as bearers, together.n / everybody.n as both_share
from kept cross join everybody
join families using (family) left join givens using (given) left join middles using (middle)
left join together using (family, given)
"""


# Given and family name do not fall together by chance alone: how often both stand together on the roll counts, too. (As Jelinek and
# Mercer smooth frequencies of words: a share of the joint one beside the product of the single ones.)
_COINCIDENCE = f"""
case when family_name = 'equal' and given_name = 'equal'
  then least(0, -log2({1 - NOT_BY_CHANCE} + {NOT_BY_CHANCE} * both_share / (family_share * given_share))) else 0 end"""


def _pair(found: Linkage) -> str:
    """Everything of a pair but its judgement. Sums come in whatever order: their last bits differ between runs, six places do not."""
    before = f"{float(found.shares[0])!r}"
    return f"""
create or replace table matching.pair as
with levelled as ({_levelled(found)}), size as (
  select count(*) as everybody, count(*) filter (in_profession) as own from matching.licensed
), known as (
  select
    levelled.*, licensed.person_key, licensed.in_profession,
    size.everybody * family_share * given_share * case when middle_name = 'equal' then middle_share else 1 end as namesakes,
    case when in_profession then size.own else size.everybody end * family_share * given_share * middle_share as strangers,
    {_COINCIDENCE} as coincidence, {_COMPATIBLE} as is_compatible,
    to_json([{{'respect': 'prior', 'level': 'before', 'weight': round(log2({before} / (1 - {before})), 2),
      'reason': 'before anything is compared: one pair in {1 / float(found.shares[0]):,.0f} is one person'}}, {_EXPLAINED},
      {{'respect': 'full_name', 'level': 'borne', 'weight': round(coincidence, 2),
      'reason': concat('people on the roll who bear this given and family name: ', coalesce(bearers, 0))}}]) as explanation
  from levelled
  cross join size
  join identity on identity.identity_id = levelled.id_l
  left join carried on carried.identity_id = levelled.id_l
  join matching.licensed on licensed.credential_id = levelled.id_r
  left join often on often.family = licensed.family and often.given is not distinct from licensed.given
    and often.middle is not distinct from licensed.middle
), shared as (
  select
    known.* exclude (weight), weight + coincidence as weight, {SECOND} / ({SECOND} + strangers) as is_one,
    pow(2, least(weight + coincidence, 60)) as odds,
    max(odds) over person as best, sum(odds) over person as every,
    count(*) filter (in_profession) over person as credential_count
  from known
  window person as (partition by id_l, person_key, in_profession)
), person as (
  select
    id_l, person_key, in_profession, any_value(every) as every,
    any_value(best) + (1 - max(is_one)) * (any_value(every) - any_value(best)) as odds,
    bool_or(is_compatible) as is_compatible
  from shared group by id_l, person_key, in_profession
), posterior as (
  select
    *, odds / ({found.nobody!r} + sum(odds) over (partition by id_l)) as probability,
    count(*) filter (is_compatible) over (partition by id_l) as compatible_count,
    count(*) filter (is_compatible and in_profession) over (partition by id_l) as colleague_count
  from person
)
select
  shared.id_l as identity_id, shared.id_r as credential_id, {", ".join(f"shared.{respect}" for respect in SENTENCES)},
  shared.rules, shared.person_key, shared.in_profession, round(shared.weight, 6) as weight, shared.is_compatible, shared.explanation,
  shared.namesakes < {RARE} as is_rare, shared.credential_count, posterior.compatible_count, posterior.colleague_count,
  round(least(1, posterior.probability * (is_one + (1 - is_one) * shared.odds / shared.every)), 6) as probability,
  cast(null as text) as judgement,
  'rule' as judged_by,
  false as is_documented
from shared
join posterior on posterior.id_l = shared.id_l and posterior.person_key = shared.person_key
  and posterior.in_profession = shared.in_profession
"""


# A number settles who is meant only together with a name that agrees. A number that belongs to somebody of another name is
# a contradiction: nobody can tell which of the two is wrong, so it is unsure, never the same. One part that agrees is not a name
# that agrees; but a family name changes at a wedding, and the given and full middle name beside the number stay.
_CHANGED_FAMILY = "given_name = 'equal' and middle_name = 'equal' and suffix <> 'different'"

# And if nobody of the profession bears the listed name, the number and the given name tell who has changed hers.
_MISSPELT = "family_name = 'equal' and given_name = 'alike' and middle_name <> 'different' and suffix <> 'different'"
_ONLY_ONE = "given_name in ('equal', 'form') and middle_name <> 'different' and suffix <> 'different' and colleague_count = 0"

_NAME_AGREES = f"(is_compatible or {_MISSPELT} or {_CHANGED_FAMILY} or {_ONLY_ONE})"

_JUDGED = f"""
update matching.pair set judged_by = 'rule', judgement = case
  when license_number in ('equal', 'digits') and probability >= $same and {_NAME_AGREES} then 'same'
  when license_number in ('equal', 'digits') then 'unsure'
  when probability < case when is_compatible then {UNSURE} else {AGAINST} end then 'different'
  when probability >= $same and is_compatible then 'same'
  else 'unsure' end
"""

# The newest verdict on a claim and a credential; of two given at once the more cautious. It holds for the claim's other observations
# under the same wording.
_VERDICTS = """
create or replace temp table verdict as
select
  listed.identity_id, verdict.right_id as credential_id, verdict.judgement, verdict."by" as judged_by,
  cast(to_json({'respect': 'verdict', 'level': verdict.judgement, 'weight': 0.0,
    'reason': concat(verdict."by", ' judged: ', verdict.reason)}) as text) as said
from ledger.verdict
join matching.listed on listed.listing_id = verdict.left_id
where verdict.left_kind = 'listing' and verdict.right_kind = 'credential' and listed.family is not null
  and verdict.right_id in (select credential_id from matching.licensed)
qualify row_number() over (
  partition by listed.identity_id, verdict.right_id
  order by verdict."at" desc, list_position(['different', 'unsure', 'same'], verdict.judgement), verdict."by", verdict.reason
) = 1
"""

_NOT_LOOKED_AT = f"""
insert into matching.pair by name
select
  verdict.identity_id, verdict.credential_id, {", ".join(f"'unsaid' as {respect}" for respect in SENTENCES)},
  0 as rules, licensed.person_key, licensed.in_profession, 0 as weight, false as is_compatible,
  cast('[]' as json) as explanation, false as is_rare,
  0 as credential_count, 0 as compatible_count, 0 as colleague_count, 0 as probability, 'different' as judgement, 'rule' as judged_by,
  false as is_documented
from verdict
join matching.licensed on licensed.credential_id = verdict.credential_id
anti join matching.pair on pair.identity_id = verdict.identity_id and pair.credential_id = verdict.credential_id
"""

_OUTRANKED = """
update matching.pair set
  judgement = verdict.judgement, judged_by = verdict.judged_by, is_compatible = is_compatible and verdict.judgement <> 'different',
  probability = case verdict.judgement when 'same' then 1 when 'different' then 0 else probability end,
  explanation = case when json_array_length(explanation) = 0 then cast('[' || verdict.said || ']' as json)
    else cast(left(cast(explanation as text), length(cast(explanation as text)) - 1) || ',' || verdict.said || ']' as json) end
from verdict
where verdict.identity_id = pair.identity_id and verdict.credential_id = pair.credential_id
"""

# Whom a person has named, no rule names otherwise.
_NAMED = """
update matching.pair set judgement = 'unsure'
where judgement = 'same' and judged_by = 'rule' and exists (
  select 1 from matching.pair as named
  where named.identity_id = pair.identity_id and named.person_key <> pair.person_key
    and named.judged_by <> 'rule' and named.judgement = 'same'
)
"""

_DOCUMENTED = f"""
update matching.pair set is_documented =
  judgement = 'same' and is_compatible and probability >= {DOCUMENTED} and (
    license_number in ('equal', 'digits')
    or (npi in ('equal', 'registered') and license_number = 'unsaid')
    or (license_number = 'unsaid' and middle_name = 'equal' and family_name = 'equal' and given_name in ('equal', 'form')
        and is_rare and compatible_count = 1 and (select count(*) from matching.licensed) >= {UNIQUE_FROM})
  )
"""


_KEYS = {
    "license_number": "license number",
    "license_number_2": "license number known by the NPI",
    "family": "family name or a part of it",
    "given": "given name or a form of it",
    "initial": "first initial",
    "turned": "given or middle name in the other's place",
    "else": "family name one slip away, or kept as a middle name",
}

_BLOCKING = """
create or replace table matching.blocking as
with found as (
  select rules, bit_count(rules) as rule_count, judgement = 'same' as is_same from matching.pair where rules <> 0
), rule as (
  select unnest($places::integer[]) as place, unnest($keys::varchar[]) as keys, unnest($pairs::bigint[]) as pairs
)
select
  place, keys, pairs,
  (select count(*) from found where is_same and (rules >> place) & 1 = 1) as same,
  (select count(*) from found where is_same and (rules >> place) & 1 = 1 and rule_count = 1) as alone,
  (select count(*) from found where is_same and (rules >> place) & 1 = 1 and rule_count = 2) as with_one
from rule
"""

_LINKABLE = """
create or replace table matching.linkable as
select uid as identity_id, round(pow(2, least(weight, 60)) / ($nobody + pow(2, least(weight, 60))), 6) as probability from twin
"""


def _diagnose(con: Connection, found: Linkage) -> None:
    """Create matching.blocking, .weight and .linkable: by which keys pairs were found, what each answer weighs, who says too little."""
    rules = found.blocking.rules
    con.execute(
        _BLOCKING,
        {
            "places": list(range(len(rules))),
            "keys": [" and ".join(_KEYS.get(atom, atom) for atom in rule.atoms) or "every pair" for rule in rules],
            "pairs": [round(rule.pairs) for rule in rules],
        },
    )
    con.execute(
        "create or replace table matching.weight (respect varchar, place integer, level varchar, m double, u double, weight double)"
    )
    for field, at in zip(FIELDS.fields, range(len(found.comparisons)), strict=True):
        weights = found.weights.m_over_u(at)
        for place, level in enumerate(found.comparisons[at].levels):
            if place:
                shares = (found.weights.m[at][place], found.weights.u[at][place], weights[place])
                row = [field.column, place, level, *(round(float(share), 9) for share in shares)]
                con.execute("insert into matching.weight values (?, ?, ?, ?, ?, ?)", row)
    con.execute(_LINKABLE, {"nobody": found.nobody})


def judge_by(con: Connection, same: float) -> None:
    """Judge matching.pair with this posterior as the least for "same"."""
    con.execute(_JUDGED, {"same": same})
    for statement in _VERDICTS, _NOT_LOOKED_AT, _OUTRANKED, _NAMED, _DOCUMENTED:
        con.execute(statement)


def judge(con: Connection) -> None:
    """Create matching.pair, one row per identity and credential looked at, and expand it to matching.candidate and matching.match."""
    con.execute(_LISTED)
    con.execute(_LICENSED)
    found = link.link(con, "listed_person", "licensed_person", FIELDS, at_least=0.0, explain=True)
    con.execute(_OFTEN)
    con.execute(_pair(found))
    judge_by(con, SAME)
    _diagnose(con, found)
    con.execute(
        """
        create or replace table matching.candidate as
        select
          'listing' as left_kind, listed.listing_id as left_id, 'credential' as right_kind, pair.credential_id as right_id,
          round(pair.weight, 3) as weight, pair.probability, pair.judgement, pair.judged_by,
          cast(pair.explanation as varchar) as explanation
        from matching.listed join matching.pair on pair.identity_id = listed.identity_id
        """
    )
    con.execute(
        """
        create or replace table matching.match as
        select * from matching.candidate where judgement in ('same', 'unsure') or judged_by <> 'rule'
        """
    )
