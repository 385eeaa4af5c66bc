"""The words that have an id of their own in the text encoder's vocabulary.

Written once from the tables of `symbolic_bridge.prompt_words`, and frozen: shipped weights count on the order. A word
that joins the tables later is spelled by hashed pieces; changing this list means training the text encoder again.
"""

from __future__ import annotations

_TEXT = """
    'cello 'cellos 12/8 2/2 2/4 3/2 3/4 3/8 4/4 5 5/4 6/8 7/8 9/8 a a# a#m aabb aabbcc ab abac abm accompanied
    accompaniment accompaniments accompanist accompanying accordeon accordeons accordion accordionist accordions
    acoustic adagietto adagio aeo aeol aeolian affectionate air airs aisling aislings alla allegretto allegro alone
    am and andante andantino anglo animated anthem anthems as at autoharp autoharps b b# b#m back backed backing
    backup bag bagpipe bagpipes ballad ballads band bandoneon bandoneons bands banjo banjoist banjos barn barndance
    barndances bass bassoon bassoons bb bbm berceuse berceuses bittersweet bleak bm bodhran bodhrans boisterous
    bolero boleros bones bouncy bourree bourrees bouzouki bouzoukis box bpm brass breakdown breakdowns breakneck
    breve brief bright brisk briskly brooding button by c c# c#m cakewalk cakewalks calm calming calmly caoineadh
    caoineadhs capella cappella carol carolan carols cb cbm celebratory celesta celestas cellist cellists cello
    cellos celtic ceremonial charming cheeky cheerful cheerfully cheery choir choirs chordal chords christmas
    cittern citterns clarinet clarinets clarinettist clarinettists clarsach clarsachs classical clog clogs cm
    comical common compound concertina concertinas cornet cornets cotillion cotillions country courtly cradle
    csardas cut d d# d#m da dance danceable dances dark db dbl dbm delicate diatonic dignified dirge dirges dm
    doleful dolorous dor dorian double doublejig doublejigs dreamy driving drum drums dulcimer dulcimers duple dur e
    e# e#m easy eb ebm eerie electric elegant elegy elegys em energetic english enigmatic epic exciting exuberant f
    f# f#m fandango fandangos fanfare fanfares fast faster fb fbm feadog feadogs feel festive fiddle fiddler
    fiddlers fiddles fiddling fierce fiery fife fifes flat flautist flautists fling flings flute flutes flutist fm
    folk folksong folksongs for forlorn form foxtrot foxtrots french frisky funny furious g g# g#m gaelic galop
    galops gamba gambas gavotte gavottes gay gb gbm gentle gently ghostly gigue gigues glad glockenspiel
    glockenspiels gloomy gm going goltrai goltrais good graceful grand grave great grieving guitar guitarist
    guitarists guitars gurdy gurdys half halling hallings hambo hambos hammered happily happy hardanger harmonica
    harmonicas harmonies harmonium harmoniums harp harper harpers harpist harps harpsichord harpsichords haunted
    haunting heartbroken hearted heartfelt heroic high highland hoedown hoedowns hop hopjig hopjigs hora horas horn
    hornpipe hornpipes horns humorous hurdy hurried hymn hymns impish in instrument ion ionian irish its itself
    jaunty jaw jew's jig jigs jolly jota jotas joyful joyfully joyous kantele kanteles kerry keyboard keyboards laid
    lament laments landler landlers larghetto largo lazy leisurely lengthy lento lever light lighthearted lilting
    lively loc locrian lonely long longdance longdances longing longways loving low lullabies lullaby lullabys lute
    lutes lyd lydian lyre lyres lyrical magical maj majestic major mandola mandolas mandolin mandolins march marches
    marchs marimba marimbas martial mazourka mazourkas mazurka mazurkas medium melancholic melancholy mellow
    melodeon melodeons menacing merry mid midtempo min minor minuet minuets mischievous misty mix mixo mixolydian
    moderate moderately moderato moll moody morris mournful mournfully mouth moving mysterious mystical myxolydian
    no noble nocturne nocturnes normal northumbrian nos nostalgic not nyckelharpa nyckelharpas nylon oboe oboes
    ocarina ocarinas ominous on optimistic orchestra orchestras organ organs otherworldly own paced pan panpipes
    pastoral pavane pavanes peaceful peacefully penny pennywhistle pennywhistles percussion percussions perky phr
    phryg phrygian pianist pianists piano pianoforte pianofortes pianos pibroch pibrochs piccolo piccolos pipe piper
    pipers pipes plaintive planxties planxty planxtys player playford playfords playful playfully polka polkas
    polonaise polonaises polska polskas pompous prestissimo presto proud psaltery psalterys quadrille quadrilles
    quarter quarters quartet quartets quick quicker quickly quickstep quicksteps quiet quirky ragtime ragtimes rant
    rants rapid rapidly raucous recorder recorders redowa redowas reel reels regal relaxed relaxing requiem requiems
    restful retreat reverent rhythm ril rils rollicking romantic rondo rondos rousing rousingly sacred sad sadly
    saltarello saltarellos sarabande sarabandes sax saxophone saxophones saxs scary schottische schottisches sea
    sean section sentimental serenade serenades serene serious set setdance setdances shanty shantys sharp short
    simple singer singers singing singings single singlejig singlejigs sinister sitar sitars skipping sleepy slide
    slides slip slipjig slipjigs slow slower slowly small smallpipes soft softly solemn solemnly solo soloist somber
    sombre song songs soothing sorrowful speed speedy spirited spooky spoons springar springars squeeze squeezebox
    squeezeboxs stately steadily steady steel step steps stirring strange strath straths strathspey strathspeys
    string strings strumming suantrai suantrais sunny sweet sweetly swift synth synthesizer synthesizers synths
    system tambourine tambourines tango tangos tarantella tarantellas tearful teasing tempo tender tenderly tenor
    the their three time tin tinwhistle tinwhistles tragic tranquil transverse triple triumphant trombone trombones
    trumpet trumpets tuba tubas tune tunes twice two uillean uilleann ukulele ukuleles unaccompanied uncanny unhappy
    unhurried union upbeat uplifting upright usual vals valse valses varsovienne varsoviennes very vibrant vigorous
    viola violas violin violinist violinists violins violoncello violoncellos vivace vivo vocals voice voices
    walkaround walkarounds waltz waltzes waltzs warm whimsical whistle whistles wild wistful with wooden xylophone
    xylophones zither zithers
"""


def frozen_words() -> tuple[str, ...]:
    """The words in the order of their ids."""
    return tuple(_TEXT.split())
