"""Same, different or unsure; and how well documented. Rules only: a person's verdict outranks them where one is given.

The probability is a posterior over everybody the roll holds who might be meant, and "none of them": odds of a person are
prior / roll size × 2^weight, shared out among them. Several credentials under one full name count as one person for that sum,
but as the same person only if the name is rare, the full middle name agrees, or the listing shows the number.
"""

from matching.compare import RESPECTS, level_sql, reason_sql, weight_sql
from matching.records import Connection

ON_THE_ROLL = 0.95  # share of listed people who are on the roll at all; the rest is "none of them"
SAME = 0.9  # posterior from which a pair may be the same
UNSURE = 0.05  # below it a pair is different, unless the number says otherwise
DOCUMENTED = 0.99  # posterior from which a pair may carry a tier A finding
UNIQUE_FROM = 5_000  # rows of a roll on which a name alone may document; see DECISIONS: how large a roll must be for a name to be unique
RARE = 0.05  # so few chance namesakes expected on the roll that one full name is one person

_EXPLANATION = ", ".join(
    f"{{'respect': '{respect}', 'level': levelled.{respect}, 'weight': round({weight_sql(respect)}, 2), 'reason': {reason_sql(respect)}}}"
    for respect in RESPECTS
)

# The sum over everybody is added up in whatever order it comes: its last bits differ between runs, six places do not.
_PAIR = f"""
create or replace table matching.pair as
with levelled as (
  select
    looked_at.identity_id, looked_at.credential_id, looked_at.is_bridged,
    {", ".join(f"{level_sql(respect)} as {respect}" for respect in RESPECTS)}
  from looked_at
  join identity on identity.identity_id = looked_at.identity_id
  join matching.licensed on licensed.credential_id = looked_at.credential_id
  left join family_alike on family_alike.listed = identity.family and family_alike.licensed = licensed.family
  left join given_alike on given_alike.listed = identity.given and given_alike.licensed = licensed.given
), weighed as (
  select
    levelled.*, licensed.person_key, licensed.in_profession, licensed.roll_count,
    {" + ".join(weight_sql(respect) for respect in RESPECTS)} as weight,
    licensed.roll_count * family_share * given_share * case when levelled.middle_name = 'equal' then middle_share else 1 end as namesakes,
    family_name <> 'different' and given_name <> 'different'
      and not (family_name in ('near', 'moved') and given_name in ('near', 'initial', 'unsaid') and middle_name <> 'equal')
      and middle_name <> 'contradicts' and levelled.suffix <> 'contradicts' as is_compatible,
    to_json([{_EXPLANATION}]) as explanation
  from levelled
  join identity on identity.identity_id = levelled.identity_id
  join matching.licensed on licensed.credential_id = levelled.credential_id
), person as (
  select
    identity_id, person_key, count(*) filter (in_profession) as credential_count, bool_or(is_compatible) as is_compatible,
    pow(2, least(max(weight), 200)) * {ON_THE_ROLL} / (1 - {ON_THE_ROLL}) / any_value(roll_count) as odds
  from weighed
  group by identity_id, person_key
), posterior as (
  select
    *, odds / (1 + sum(odds) over (partition by identity_id)) as probability,
    count(*) filter (is_compatible) over (partition by identity_id) as compatible_count
  from person
)
select
  weighed.* exclude (roll_count, namesakes, is_bridged) replace (round(weighed.weight, 6) as weight),
  weighed.namesakes < {RARE} as is_rare,
  posterior.credential_count, posterior.compatible_count,
  round(least(1, posterior.probability), 6) as probability,
  cast(null as text) as judgement,
  false as is_documented
from weighed
join posterior on posterior.identity_id = weighed.identity_id and posterior.person_key = weighed.person_key
"""

# A number settles who is meant only together with a name that agrees. A number that belongs to somebody of another name is
# a contradiction: nobody can tell which of the two is wrong, so it is unsure, never the same. One part that agrees is not a name
# that agrees; but a family name changes at a wedding, and the given and full middle name beside the number stay.
_CHANGED_FAMILY = "given_name = 'equal' and middle_name = 'equal' and suffix <> 'contradicts'"

_JUDGED = f"""
update matching.pair set judgement = case
  when license_number in ('equal', 'digits') and probability >= {SAME} and (is_compatible or {_CHANGED_FAMILY}) then 'same'
  when license_number in ('equal', 'digits') then 'unsure'
  when probability < {UNSURE} then 'different'
  when not is_compatible then 'unsure'
  when probability < {SAME} then 'unsure'
  when npi = 'same_as_listing_with_number' then 'same'
  when license_number = 'one_digit_apart' then 'same'
  when credential_count <= 1 or is_rare or middle_name = 'equal' then 'same'
  else 'unsure' end
"""

_DOCUMENTED = f"""
update matching.pair set is_documented =
  judgement = 'same' and is_compatible and probability >= {DOCUMENTED} and (
    license_number in ('equal', 'digits')
    or (npi = 'same_as_listing_with_number' and license_number = 'unsaid')
    or (license_number = 'unsaid' and middle_name = 'equal' and family_name = 'equal' and given_name in ('equal', 'nickname')
        and is_rare and compatible_count = 1 and (select max(roll_count) from matching.licensed) >= {UNIQUE_FROM})
  )
"""


def judge(con: Connection) -> None:
    """Create matching.pair, one row per identity and credential looked at, and expand it to matching.candidate and matching.match."""
    con.execute(_PAIR)
    con.execute(_JUDGED)
    con.execute(_DOCUMENTED)
    con.execute(
        """
        create or replace table matching.candidate as
        select
          'listing' as left_kind, listed.listing_id as left_id, 'credential' as right_kind, pair.credential_id as right_id,
          round(pair.weight, 3) as weight, pair.probability, pair.judgement, cast(pair.explanation as varchar) as explanation
        from matching.listed join matching.pair on pair.identity_id = listed.identity_id
        """
    )
    con.execute(
        """
        create or replace table matching.match as
        select left_kind, left_id, right_kind, right_id, weight, probability, judgement, 'rule' as judged_by, explanation
        from matching.candidate where judgement in ('same', 'unsure')
        """
    )
