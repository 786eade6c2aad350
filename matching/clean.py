"""Names, addresses, phones, NPIs and license numbers in comparable form; what cannot be read stays null.

`MACROS` are SQL macros the warehouse runs on opening: whole columns are cleaned where they lie. `read_name` and
`read_address` take one text each; callers hand them *distinct* texts, never rows.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

# Washington prints MA60123456, MA 60123456, MA-60123456 and, since March 2026, XXXX.MA.60123456[.SFX|-SFX]; temporary
# permits have a letter and a digit (N3) before their eight digits. The key is always two characters and eight digits.
WASHINGTON_LICENSE = r"^(?:.*[^A-Z0-9])?(?P<prefix>[A-Z][A-Z0-9])[ .#-]*(?P<digits>[0-9]{3,8})(?:[ .-]+[A-Z]+)?$"
WASHINGTON_DIGITS = 8

MACROS = r"""
create or replace macro fold(x) as
  case when regexp_full_match(x, '[A-Za-z0-9]+( [A-Za-z0-9]+)*') then upper(x) else
  nullif(trim(regexp_replace(regexp_replace(regexp_replace(
    upper(strip_accents(translate(replace(replace(replace(x, 'ß', 'ss'), 'Æ', 'AE'), 'æ', 'ae'), 'ØøŁłĐđ', 'OoLlDd'))),
    '[.''’`]', '', 'g'), '[^\p{L}\p{Nd}]', ' ', 'g'), ' +', ' ', 'g')), '') end;

create or replace macro phone_without_extension(x) as
  regexp_replace(regexp_replace(lower(x), '(ext|extension|x|#)[.: ]*[0-9]+ *$', ''), '[^0-9]', '', 'g');

create or replace macro phone_digits(x) as
  case when regexp_matches(phone_without_extension(x), '^1?[2-9][0-9]{9}$')
        and not regexp_matches(phone_without_extension(x), '(2{10}|3{10}|4{10}|5{10}|6{10}|7{10}|8{10}|9{10})$')
       then right(phone_without_extension(x), 10) end;

create or replace macro zip5(x) as
  case when regexp_matches(x, '^\s*[0-9]{5}([- ]?[0-9]{4})?\s*$') and left(trim(x), 5) not in ('00000', '99999')
       then left(trim(x), 5) end;

create or replace macro luhn_sum(x) as
  list_sum([case when i % 2 = 0 then cast(substr(x, i, 1) as integer)
                 when substr(x, i, 1) >= '5' then 2 * cast(substr(x, i, 1) as integer) - 9
                 else 2 * cast(substr(x, i, 1) as integer) end for i in range(1, 11)]);

create or replace macro npi_valid(x) as
  case when nullif(trim(x), '') is null then null
       when not regexp_matches(trim(x), '^[12][0-9]{9}$') then false
       else (24 + luhn_sum(case when regexp_matches(trim(x), '^[12][0-9]{9}$') then trim(x) else '0000000000' end)) % 10 = 0 end;

create or replace macro license_group(pattern, name) as
  '\' || list_position(regexp_extract_all(pattern, '\((\?P<[a-z]+>|[^?])', 0), '(?P<' || name || '>');

create or replace macro license_parts(raw, pattern) as
  case when nullif(trim(raw), '') is null then null
       when nullif(pattern, '') is null then '|' || regexp_replace(upper(raw), '[^A-Z0-9]', '', 'g')
       else regexp_replace(regexp_extract(upper(trim(raw)), pattern, 0), pattern,
         case when contains(pattern, '(?P<prefix>') then license_group(pattern, 'prefix') else '' end
           || '|' || license_group(pattern, 'digits')) end;

create or replace macro license_of(parts, pattern, digits) as
  case when nullif(pattern, '') is null then nullif(substr(parts, 2), '')
       when split_part(parts, '|', 2) = '' or (contains(pattern, '(?P<prefix>') and left(parts, 1) = '|') then null
       else split_part(parts, '|', 1) || lpad(split_part(parts, '|', 2), cast(digits as integer), '0') end;

create or replace macro license_key(raw, pattern, digits) as license_of(license_parts(raw, pattern), pattern, digits);

create or replace macro license_digits(raw) as
  nullif(ltrim(regexp_extract_all(raw, '[0-9]{3,}')[-1], '0'), '');
"""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PREFIXES = _set("DR MR MRS MS MISS MX PROF REV")
SUFFIXES = _set("JR SR II III IV 2ND 3RD 4TH")
PARTICLES = _set(
    """
    AL BIN DA DAS DE DEL DELLA DEN DER DI DO DOS DU EL IBN LA LAS LE LOS MAC MC SAN SANTA ST TEN TER VAN VANDEN VANDER VON
    """
)
CREDENTIALS = _set(
    """
    ACNP AGNP AMFT ANP ARNP ATC AUD BCBA BCTMB BSN CCC CFNP CHT CMT CNA CNM CNMT CNP COMT COTA CPNP CPT CRNA CSCS CSW DACM DAOM DC
    DDS DIPLAC DIPLOM DMD DNP DPM DPT DSW EAMP EDD FAAOMPT FACO FACP FNP FNPBC FNPC LACDIPL LAMFT LCSW LCSWR LICSW LMFT LMFTA LMHC
    LMHCA LMP LMSW LMT LMTI LPC LPCC LPN LSWAA LSWAIC LVN MAC MAOM MBA MBBS MD MDIV MED MFT MHP MMT MPH MPT MSN MSOM MSPT MSW NAC
    NAR NCTMB NMD OCS OTD OTR OTRL PAC PHARMD PHD PMHNP PMHNPBC PNP PSYD PTA QMHP RDN RMT RN RPH RPT SLP SUDP WHNP
    """
)
# Also family names or initials (Linh Do, Yo-Yo Ma): a credential only after a comma, or in capitals where the name is not.
AMBIGUOUS_CREDENTIALS = _set("BA BS CN DO LAC LP MA MS MT ND NP OD OT PA PT RD DIPL AC")
TITLE_WORDS = _set(
    """
    ACUPUNCTURIST CHIROPRACTOR COUNSELOR MASSEUSE NATUROPATH NURSE PHYSICIAN PRACTITIONER PSYCHOLOGIST REFLEXOLOGIST THERAPIST
    WORKER
    """
)
LEGAL_FORMS = _set("CO CORP CORPORATION INC INCORPORATED LLC LLLP LLP LTD PC PLC PLLC PS SC")
ORGANIZATION_WORDS = LEGAL_FORMS - {"CO", "PC", "PS", "SC"} | _set(
    """
    ACUPUNCTURE AND ARTS ASSOC ASSOCIATES ASSOCIATION AT BODYWORK BODYWORKS CARE CENTER CENTERS CENTRE CHINESE CHIRO CHIROPRACTIC
    CHIROPRACTORS CLINIC CLINICAL CLINICS COLLECTIVE COLLEGE COMMUNITY COMPANY COUNSELING DENTAL DEPARTMENT DIAGNOSTIC ENTERPRISES
    FITNESS FOR GROUP HEALING HEALTH HEALTHCARE HOLISTIC HOSPITAL IMAGING INSTITUTE INTEGRATED INTEGRATIVE MASSAGE MEDICAL MEDICINE
    MOBILE NATURAL NATUROPATHIC NEUROMUSCULAR OF OFFICE ORTHOPEDIC ORTHOPEDICS PAIN PARTNERS PARTNERSHIP PHYSICAL PHYSICIANS
    PRACTICE PROFESSIONALS REHAB REHABILITATION SCHOOL SERVICES SPA SPECIALISTS SPINAL SPINE SPORTS STUDIO SYSTEM SYSTEMS THE
    THERAPEUTIC THERAPEUTICS THERAPIES THERAPY TOUCH UNIVERSITY WELLNE WELLNESS YOGA
    """
)


@dataclass(frozen=True, slots=True)
class Name:
    """The parts of one printed name, as shown; an organization alone has no other part."""

    prefix: str | None = None
    given: str | None = None
    middle: str | None = None
    family: str | None = None
    suffix: str | None = None
    credentials: str | None = None  # LMT, BS: what followed the name
    organization: str | None = None


_PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")


def fold(text: str | None) -> str | None:
    """The SQL macro `fold`, for one text: upper case, no accents, only letters, digits and single blanks; None if empty.

    >>> fold("  O'Neil-Núñez, L.M.T. "), fold(" - ")
    ('ONEIL NUNEZ LMT', None)
    """
    if text and _PLAIN.fullmatch(text):
        return text.upper()
    for odd, plain in (("ß", "ss"), ("Æ", "AE"), ("æ", "ae")):
        text = (text or "").replace(odd, plain)
    plainer = unicodedata.normalize("NFD", (text or "").translate(str.maketrans("ØøŁłĐđ", "OoLlDd")))
    bare = "".join(c for c in plainer if unicodedata.category(c) != "Mn")
    bare = re.sub(r"[.'’`]", "", unicodedata.normalize("NFC", bare).upper())
    kept = "".join(c if c.isalpha() or unicodedata.category(c) == "Nd" else " " for c in bare)
    return " ".join(kept.split()) or None


def read_name(raw: str | None, order: str = "first_last") -> Name:
    """The parts of a printed name. "LAST, FIRST M" is recognised in any order; without a comma `order` decides.

    >>> read_name("Kim T. Nguyen, LMT")
    Name(prefix=None, given='Kim', middle='T', family='Nguyen', suffix=None, credentials='LMT', organization=None)
    >>> name = read_name("Dr. Ana-Maria de la Cruz Jr., L.M.T., BS"); name.prefix, name.given, name.family, name.suffix, name.credentials
    ('Dr', 'Ana-Maria', 'de la Cruz', 'Jr', 'L.M.T., BS')
    >>> name = read_name("ABEL SARAH M", "last_first"); name.given, name.middle, name.family
    ('SARAH', 'M', 'ABEL')
    >>> name = read_name("Mary (Molly) O'Neil"); name.given, name.family
    ('Mary', "O'Neil")
    >>> read_name("Linh Do").family, read_name("Cedar & Stone Massage, PA").organization
    ('Do', 'Cedar & Stone Massage, PA')
    >>> name = read_name("Kim Nguyen, LMT - Cedar Stone Massage"); name.given, name.family, name.organization
    ('Kim', 'Nguyen', 'Cedar Stone Massage')
    """
    text = " ".join((raw or "").split())
    if not any(c.isalnum() for c in text):
        return Name()
    sides = re.split(r" [-–—|/] ", text)
    if len(sides) == 2 and not any("," in side and len(side.split()) == 1 for side in sides):
        one, other = (read_name(side, order) for side in sides)
        somebody, practice = (one, other) if one.family else (other, one)
        if somebody.family and somebody.given and practice.organization:
            return replace(somebody, organization=practice.organization)
    person = " ".join(re.sub(r"\([^)]*\)|\"[^\"]*\"|“[^”]*”", " ", text).split())
    parts = [part.strip() for part in re.split(r"[,;]", person) if part.strip(" .-")]
    tail: list[str] = []
    while len(parts) > 1 and _is_credentials(parts[-1], follows_one_word=len(parts[0].split()) == 1 and len(parts) == 2):
        tail.insert(0, parts.pop())
    if not parts or _is_organization(text, parts, tail):
        return Name(organization=text)

    suffix: str | None = None
    words = [[word.strip("-'’`") for word in part.split() if any(c.isalnum() for c in word)] for part in parts]
    words = [part for part in words if part]
    if not words:
        return Name(organization=text)
    prefix: str | None = None
    for part in (words[0], words[-1]):
        if len(part) > 1 and fold(part[0]) in PREFIXES:
            prefix = part.pop(0).rstrip(".")
    for part in words:
        while len(part) > 1 and _ends_in_credential(part, alone=len(words) == 1):
            tail.insert(0, part.pop())
    for index, part in enumerate(words):
        if part and fold(part[-1]) in SUFFIXES and (len(part) > 1 or index):
            suffix = part.pop().rstrip(".")
    words = [part for part in words if part]
    return _arranged(words, order, prefix, suffix, ", ".join(tail) or None)


def _arranged(words: list[list[str]], order: str, prefix: str | None, suffix: str | None, credentials: str | None) -> Name:
    if len(words) > 1:  # LAST, FIRST MIDDLE
        family, rest = words[0], [word for part in words[1:] for word in part]
    elif order == "last_first":
        end = 1
        while end < len(words[0]) - 1 and fold(words[0][end - 1]) in PARTICLES:
            end += 1
        family, rest = words[0][:end], words[0][end:]
    else:
        start = len(words[0]) - 1
        while start > 1 and fold(words[0][start - 1]) in PARTICLES:
            start -= 1
        family, rest = words[0][start:], words[0][:start]
    family, rest = [word.rstrip(".") for word in family], [word.rstrip(".") for word in rest]
    return Name(prefix, rest[0] if rest else None, " ".join(rest[1:]) or None, " ".join(family), suffix, credentials)


def _code(word: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", fold(word) or "")


def _is_credentials(part: str, *, follows_one_word: bool) -> bool:
    """Is this comma part a run of credentials? After a single word ("Nguyen, Do") the doubtful ones are a given name."""
    words = [_code(word) for word in re.split(r"[ /]", part) if _code(word)]
    if not words or words[-1] in TITLE_WORDS:
        return bool(words)
    sure = CREDENTIALS if follows_one_word else CREDENTIALS | AMBIGUOUS_CREDENTIALS
    return all(word in sure for word in words) or _code(part) in sure


def _ends_in_credential(words: list[str], *, alone: bool) -> bool:
    last, before = words[-1], words[:-1]
    if _code(last) in CREDENTIALS and (_code(last) not in PARTICLES or "." in last):
        return len(before) > 1 or not alone
    if _code(last) not in AMBIGUOUS_CREDENTIALS or len(before) < 2:
        return False
    if _code(before[-1]) in CREDENTIALS or ("." in last.rstrip(".") and len(_code(last)) > 1):
        return True
    shouting = all(word.isupper() for word in before)
    return last.isupper() and (not shouting) and len(_code(before[-1])) > 1


def _is_organization(text: str, parts: list[str], tail: list[str]) -> bool:
    words = (fold(" ".join(parts)) or "").split()
    everything = words + [_code(word) for part in tail for word in part.split()]
    return (
        "&" in text
        or any(c.isdigit() for word in words for c in word if word not in SUFFIXES)
        or any(word in ORGANIZATION_WORDS for word in words)
        or (len(everything) > 1 and everything[-1] in LEGAL_FORMS)
    )


STREET_WORDS = dict(
    word.split(":")
    for word in _set(
        """
    ALLEY:ALY AVENUE:AVE AV:AVE BOULEVARD:BLVD BRIDGE:BRG CENTER:CTR CENTRE:CTR CIRCLE:CIR COURT:CT COVE:CV CREEK:CRK CRESCENT:CRES
    CROSSING:XING DRIVE:DR ESTATES:ESTS EXPRESSWAY:EXPY EXTENSION:EXT FREEWAY:FWY GARDENS:GDNS GLEN:GLN GROVE:GRV HARBOR:HBR
    HEIGHTS:HTS HIGHWAY:HWY HILL:HL HILLS:HLS ISLAND:IS JUNCTION:JCT LAKE:LK LANDING:LNDG LANE:LN MEADOWS:MDWS MOUNT:MT MOUNTAIN:MTN
    PARKWAY:PKWY PLACE:PL PLAZA:PLZ POINT:PT RIDGE:RDG RIVER:RIV ROAD:RD ROUTE:RTE SAINT:ST SHORE:SHR SPRING:SPG SPRINGS:SPGS
    SQUARE:SQ STATION:STA STREET:ST STR:ST TERRACE:TER TRAIL:TRL TURNPIKE:TPKE VALLEY:VLY VIEW:VW VILLAGE:VLG VISTA:VIS NORTH:N
    SOUTH:S EAST:E WEST:W NORTHEAST:NE NORTHWEST:NW SOUTHEAST:SE SOUTHWEST:SW FIRST:1ST SECOND:2ND THIRD:3RD FOURTH:4TH FIFTH:5TH
    SIXTH:6TH SEVENTH:7TH EIGHTH:8TH NINTH:9TH TENTH:10TH
        """
    )
)
STREET_ENDS = "ALY|AVE|BLVD|CIR|CT|DR|HWY|LN|PKWY|PL|PLZ|RD|SQ|ST|TER|TRL|WAY|LOOP|BROADWAY|N|S|E|W|NE|NW|SE|SW"
_UNIT = re.compile(
    r"(?:\b(?:SUITE|STE|UNIT|APARTMENT|APT|ROOM|RM)\b|\b(?:NUMBER|NO)(?= #?[0-9])|#)[ #]*([A-Z0-9]+(?:-[A-Z0-9]+)*)(?![A-Z0-9])"
)
_WING = re.compile(r"\b(?:(BUILDING|BLDG|FLOOR|FL)\b[ #]*([A-Z0-9]+(?:-[A-Z0-9]+)*)|([0-9]+)(?:ST|ND|RD|TH)? (?:FLOOR|FL)\b)")
_BARE_UNIT = re.compile(rf"^([0-9].*\b(?:{STREET_ENDS})) ([0-9]+[A-Z]?(?:-[A-Z0-9]+)?)$")


def read_address(address: str | None, address_2: str | None = None) -> tuple[str | None, str | None]:
    """The street and the unit of an address in the Postal Service's short forms. "Ste 200", "#200" and "Unit 200" are unit 200.

    >>> read_address("1200 North Pine Street, Suite 200"), read_address("1200 N. Pine St.", "#200")
    (('1200 N PINE ST', '200'), ('1200 N PINE ST', '200'))
    >>> read_address("P.O. Box 14"), read_address("2705 BUNKER LAKE BLVD 112"), read_address("Oak Plaza", "9 First Ave., 2nd Floor")
    (('PO BOX 14', None), ('2705 BUNKER LK BLVD', '112'), ('9 1ST AVE', 'FL 2'))
    """
    units: list[str] = []
    streets = [street for street in (_street(line, units, second) for line, second in ((address, False), (address_2, True))) if street]
    street = next((s for s in streets if s[0].isdigit() or s.startswith("PO BOX")), streets[0] if streets else None)
    return street, " ".join(dict.fromkeys(units)) or None


def address_key(address: str | None, address_2: str | None, zip_code: str | None) -> str | None:
    """Where a listing says its provider is, as STREET|UNIT|ZIP5 with blanks for what it does not say; None without a street.

    >>> address_key("1200 North Pine Street", "Suite 200", "98101-2233"), address_key(None, None, "98101")
    ('1200 N PINE ST|200|98101', None)
    """
    street, unit = read_address(address, address_2)
    found = re.match(r"\s*(\d{5})(?:[- ]?\d{4})?\s*$", zip_code or "")
    return f"{street}|{unit or ''}|{found[1] if found else ''}" if street else None


def _street(line: str | None, units: list[str], is_second: bool) -> str | None:
    text = re.sub(r"[.'’]", "", unicodedata.normalize("NFKD", line or "").upper())
    text = " ".join(re.sub(r"[^A-Z0-9#\-]", " ", re.sub(r"[\u0300-\u036f]", "", text)).split())
    text = re.sub(r"\bP ?O ?BOX\b|\bPOST OFFICE BOX\b", "PO BOX", text)
    box = re.search(r"PO BOX #? ?[A-Z0-9-]+", text)
    if box and box[0] == text:
        return text.replace("#", "").replace("  ", " ")
    taken: list[tuple[int, str]] = []

    def take_wing(found: re.Match[str]) -> str:
        kind = "BLDG" if (found[1] or "").startswith("B") else "FL"
        taken.append((found.start(), f"{kind} {_ordinal(found[2] or found[3])}"))
        return " "

    def take_unit(found: re.Match[str]) -> str:
        taken.append((found.start(), found[1]))
        return " "

    text = " ".join(_UNIT.sub(take_unit, _WING.sub(take_wing, text)).replace("#", " ").split()).strip("- ")
    short = " ".join(STREET_WORDS.get(word, word) for word in text.split())
    if found := _BARE_UNIT.match(short):
        short, unit = found[1], found[2]
        if not re.search(r"\bHWY$|\b(CO|CTY|COUNTY|STATE|US) [A-Z]+$", short):
            taken.append((len(text), unit))
        else:
            short = f"{short} {unit}"
    elif is_second and re.fullmatch(r"[A-Z]{0,3}-?[0-9]+(?:-?[A-Z0-9]+)?|[A-Z]{1,2}", short):
        taken.append((len(text), short))
        short = ""
    units.extend(unit for _, unit in sorted(taken))
    return short or None


def _ordinal(text: str) -> str:
    return re.sub(r"^(\d+)(ST|ND|RD|TH)$", r"\1", text)
