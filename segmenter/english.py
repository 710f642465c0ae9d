"""What English abbreviates, and how its sentences begin. Written by hand, to be corrected by hand."""

__all__ = ["BEFORE_NAMES", "ENDINGS", "NEVER_LAST", "STARTERS", "UNITS"]


def words(listed: str) -> frozenset[str]:
    """Return the words of a list, in lower case."""
    return frozenset(listed.lower().split())


# A name follows: these never end a sentence.
BEFORE_NAMES = words("""
    Mr Mrs Ms Mx Dr Prof Rev Fr Sr Sra Mme Mlle Messrs Hon Pres Gov Sen Rep Amb Gen Col Maj Capt Cpt Cmdr Adm
    Lt Sgt Cpl Pvt Supt Insp Det St Ste Mt Ft
""")
# A number or a name follows, or the rest of the sentence: these never end one either.
NEVER_LAST = words("""
    e.g i.e cf vs viz ca approx p pp vol vols n° ch fig figs eq eqs sec art para ed eds trans no nos nr op cit
    ibid resp incl excl est
""")
# The sentence may end here: it does where a word follows that begins sentences.
ENDINGS = words("""
    Inc Ltd Co Corp LLC Bros etc al Jr Sr Esq Ave Blvd Rd Dept Univ Assn Jan Feb Mar Apr Jun Jul Aug Sep Sept
    Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun a.m p.m A.D B.C Ph.D M.D B.A M.A D.C U.S U.K U.N
    E.U U.S.A
""")
UNITS = words("ft in lb lbs oz yd mi km cm mm kg g hr hrs min mins sec secs mph kph gal sq")
STARTERS = words("""
    The A An This That These Those It He She We They I You There Here What When Where Who Why How Which Is Are
    Was Were Do Does Did Have Has Had Can Could Will Would Should May Might Must If But And Or So Yet Because
    Although Though While Since After Before Then Now Today Tomorrow Yesterday In On At By For From With To
    However Meanwhile Nobody Everyone Everything Nothing Some Many Most All Each Both Its His Her Our Their My
    Your Let Please Yes No Not Nor As Once Also Even Perhaps Maybe
""")
