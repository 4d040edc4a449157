#include "demo/language.h"

#include <array>

// Sentences are patterns with slots: "@p" takes a person, "@o" a thing, "@l" a place, "@t" a time,
// "@v" something done, "@a" how it was. A few dozen words a slot give millions of different
// sentences.

namespace perdure::demo {
namespace {

using Words = std::span<std::string_view const>;

struct Vocabulary {
    Words first_names, last_names, people, things, places, times, deeds, moods, patterns, titles;
};

constexpr std::string_view en_first[] = {"Anna",  "James", "Olivia", "Noah",   "Priya",  "Liam",
                                         "Grace", "Tomás", "Zoë",    "Samuel", "Ifeoma", "Kwame"};
constexpr std::string_view en_last[] = {"Smith", "O'Neill", "Okafor", "Patel",  "Jones", "Núñez",
                                        "Brown", "Walker",  "García", "McLeod", "Mbeki", "Taylor"};
constexpr std::string_view en_people[] = {
    "my sister",     "Tom",      "the neighbours", "grandma",  "Priya",
    "an old friend", "the kids", "our landlord",   "Dr. Hall", "the whole team"};
constexpr std::string_view en_things[] = {
    "the blue bicycle", "a jar of quince jam", "the tax papers",    "a letter from Lisbon",
    "the broken lamp",  "an apple tree",       "the new recipe",    "a box of photographs",
    "the garden gate",  "a song nobody knew",  "the train tickets", "his first camera"};
constexpr std::string_view en_places[] = {"by the lake",   "in the kitchen",    "at the station",
                                          "on the roof",   "near the harbour",  "in the attic",
                                          "at the market", "behind the school", "in Porto"};
constexpr std::string_view en_times[] = {"This morning",    "Last Sunday",     "Around midnight",
                                         "After the storm", "On her birthday", "Before breakfast",
                                         "In late autumn",  "Yesterday"};
constexpr std::string_view en_deeds[] = {
    "repaired", "found",        "painted",   "carried home", "talked about",
    "lost",     "photographed", "gave away", "laughed at",   "wrapped up"};
constexpr std::string_view en_moods[] = {
    "quietly happy", "tired but proud", "a little sad", "surprised",
    "calm",          "hungry",          "grateful",     "homesick"};
constexpr std::string_view en_patterns[] = {
    "@t, @p and I @v @o @l. ",
    "@p @v @o, and everyone was @a. ",
    "I had forgotten @o until @p mentioned it @l. ",
    "@t we @v @o; I felt @a for hours. ",
    "Why did @p leave @o @l? Nobody asked. ",
    "It rained, so we stayed @l and @v @o. ",
    "Note to self: ask @p about @o. ",
};
constexpr std::string_view en_titles[] = {"The day we @v @o", "@t @l",           "About @o",
                                          "@p, @a",           "What @p said @l", "To do: @o"};

constexpr std::string_view de_first[] = {"Jürgen",   "Anneliese", "Björn", "Käthe", "Lena",
                                         "Matthäus", "Ursula",    "Özlem", "Felix"};
constexpr std::string_view de_last[] = {"Müller", "Schäfer", "Weiß", "Großmann",
                                        "Krüger", "Yıldız",  "Böhm", "von der Au"};
constexpr std::string_view de_people[] = {"meine Schwester", "Opa",        "der Nachbar",
                                          "Frau Weiß",       "die Kinder", "Jürgen",
                                          "der Bäcker",      "ein Fremder"};
constexpr std::string_view de_things[] = {
    "das alte Fahrrad", "die Steuererklärung", "den Apfelkuchen", "einen Brief",
    "die Küchenuhr",    "das Fotoalbum",       "den Schlüssel",   "die Gießkanne"};
constexpr std::string_view de_places[] = {"am See",      "im Keller",  "auf dem Markt", "in Köln",
                                          "im Gärtchen", "am Bahnhof", "auf der Straße"};
constexpr std::string_view de_times[] = {"Heute früh",           "Letzten Sonntag",
                                         "Kurz vor Mitternacht", "Im Spätherbst",
                                         "Nach dem Gewitter",    "Gestern"};
constexpr std::string_view de_deeds[] = {"gefunden",   "repariert", "verloren",  "fotografiert",
                                         "verschenkt", "vergessen", "gestrichen"};
constexpr std::string_view de_moods[] = {"zufrieden",         "müde",    "überrascht",
                                         "ein wenig traurig", "dankbar", "fröhlich"};
constexpr std::string_view de_patterns[] = {"@t hat @p @o @l @v. ",
                                            "Wir haben @o @v und waren @a. ",
                                            "Ob @p @o noch sucht? ",
                                            "@t war ich @l, @a wie lange nicht. ",
                                            "Nicht vergessen: @o @l abholen! ",
                                            "Es regnete, also haben wir @o @v. "};
constexpr std::string_view de_titles[] = {"@t @l", "Als @p @o @v hat", "Über @o", "Ganz @a"};

constexpr std::string_view ar_first[] = {"فاطمة", "محمد", "ليلى", "يوسف", "نور", "خالد"};
constexpr std::string_view ar_last[] = {"الحسن", "العلي", "منصور", "الخطيب", "درويش"};
constexpr std::string_view ar_people[] = {"أختي", "جدتي", "الجار", "صديق قديم", "الأولاد", "ليلى"};
constexpr std::string_view ar_things[] = {"الرسالة القديمة", "شجرة الزيتون", "مفتاح البيت",
                                          "صندوق الصور",     "الدراجة",      "وصفة جديدة"};
constexpr std::string_view ar_places[] = {"قرب البحر", "في المطبخ", "في السوق", "على السطح",
                                          "في القاهرة"};
constexpr std::string_view ar_times[] = {"صباح اليوم", "أمس", "بعد المطر", "يوم الجمعة",
                                         "قبل الفجر"};
constexpr std::string_view ar_deeds[] = {"وجدنا", "أصلحنا", "رسمنا", "نسينا", "صوّرنا"};
constexpr std::string_view ar_moods[] = {"سعيدًا", "متعبًا", "هادئًا", "ممتنًا"};
constexpr std::string_view ar_patterns[] = {"@t @v @o @l. ", "تحدثت مع @p عن @o. ",
                                            "كنت @a عندما رأيت @o @l. ", "هل يتذكر @p @o؟ ",
                                            "@t، @l، كان كل شيء جميلًا. "};
constexpr std::string_view ar_titles[] = {"@o @l", "@t", "حديث مع @p", "@v @o"};

constexpr std::string_view zh_first[] = {"伟", "秀英", "小明", "丽华", "志强", "思雨"};
constexpr std::string_view zh_last[] = {"王", "李", "张", "陈", "欧阳", "林"};
constexpr std::string_view zh_people[] = {"妹妹", "奶奶", "邻居", "老朋友", "孩子们", "小王"};
constexpr std::string_view zh_things[] = {"旧自行车", "一封信", "苹果树", "相册", "车票", "新菜谱"};
constexpr std::string_view zh_places[] = {"湖边", "厨房里", "车站", "屋顶上", "市场", "成都"};
constexpr std::string_view zh_times[] = {"今天早上", "上个星期天", "半夜", "暴雨之后", "昨天"};
constexpr std::string_view zh_deeds[] = {"修好了", "找到了", "拍下了", "弄丢了", "送走了"};
constexpr std::string_view zh_moods[] = {"很高兴", "有点累", "很平静", "有些难过"};
constexpr std::string_view zh_patterns[] = {"@t，我和@p在@l@v@o。", "@p@v@o，大家都@a。",
                                            "我差点忘了@o。", "为什么@p把@o留在@l？",
                                            "下雨了，我们待在@l，@a。"};
constexpr std::string_view zh_titles[] = {"@t在@l", "@p和@o", "关于@o", "@a的一天"};

constexpr std::string_view fun_first[] = {"Kai", "Momo", "Björk", "Zed"};
constexpr std::string_view fun_last[] = {"☀️", "Nguyễn", "de la Cruz", "Ōtani"};
constexpr std::string_view fun_people[] = {"👩‍🚀 Mia", "the 🐈", "team 🦊",
                                           "👨‍👩‍👧 us", "DJ 🥦"};
constexpr std::string_view fun_things[] = {"🍕", "a 🚲", "the 📸 album", "🎂 no. 7", "🌱🌱🌱"};
constexpr std::string_view fun_places[] = {"🏖️", "@ home 🏠", "in 東京", "🏔️", "on ☁️ nine"};
constexpr std::string_view fun_times[] = {"🌅", "late 🌙", "Fri 🎉", "2 a.m. 🥱"};
constexpr std::string_view fun_deeds[] = {"🔧 fixed", "❤️ found", "lol lost", "📦 shipped"};
constexpr std::string_view fun_moods[] = {"😀", "🥲", "🤷🏽‍♀️", "🔥🔥", "zzz"};
constexpr std::string_view fun_patterns[] = {"@t @p @v @o @l @a ", "@v @o!! @a ", "@p: \"@o?\" @a ",
                                             "brb, @l with @o & @p <3 "};
constexpr std::string_view fun_titles[] = {"@t @l @a", "@p + @o", "@v @o"};

constexpr Vocabulary vocabularies[] = {
    {en_first, en_last, en_people, en_things, en_places, en_times, en_deeds, en_moods, en_patterns,
     en_titles},
    {de_first, de_last, de_people, de_things, de_places, de_times, de_deeds, de_moods, de_patterns,
     de_titles},
    {ar_first, ar_last, ar_people, ar_things, ar_places, ar_times, ar_deeds, ar_moods, ar_patterns,
     ar_titles},
    {zh_first, zh_last, zh_people, zh_things, zh_places, zh_times, zh_deeds, zh_moods, zh_patterns,
     zh_titles},
    {fun_first, fun_last, fun_people, fun_things, fun_places, fun_times, fun_deeds, fun_moods,
     fun_patterns, fun_titles},
};

constexpr std::string_view tags[] = {
    "family", "travel",  "work",    "recipe",   "idea",   "health", "garden", "music",  "book",
    "money",  "kitchen", "winter",  "summer",   "letter", "dream",  "school", "repair", "photo",
    "train",  "sea",     "friends", "birthday", "quote",  "todo",   "urgent", "été",    "münchen",
    "日記",   "سفر",     "🌱",      "C++",      "50%",    "a/b",    "it's"};

Vocabulary const& words_of(Language language) {
    return vocabularies[static_cast<std::size_t>(language)];
}

void append_pattern(std::string& text, Dice& dice, Language language, std::string_view pattern) {
    Vocabulary const& words = words_of(language);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '@' || i + 1 == pattern.size()) {
            text += pattern[i];
            continue;
        }
        switch (pattern[++i]) {
            case 'p':
                text += dice.pick(words.people);
                break;
            case 'o':
                text += dice.pick(words.things);
                break;
            case 'l':
                text += dice.pick(words.places);
                break;
            case 't':
                text += dice.pick(words.times);
                break;
            case 'v':
                text += dice.pick(words.deeds);
                break;
            case 'a':
                text += dice.pick(words.moods);
                break;
            default:
                text.append("@").append(1, pattern[i]);
        }
    }
}

void append_block(std::string& text, Dice& dice, Language language) {
    switch (dice.below(12)) {
        case 0:
            text += "## " + make_title(dice, language) + "\n\n";
            break;
        case 1:
            for (std::uint64_t i = 0, n = dice.between(2, 5); i < n; ++i)
                text += (dice.chance(30) ? "- [x] " : "- [ ] ") + make_title(dice, language) + "\n";
            text += "\n";
            break;
        case 2:
            text += "> ";
            append_sentence(text, dice, language);
            text += "\n\n";
            break;
        case 3:
            text += "[" + make_title(dice, language) + "](https://example.org/" +
                    std::to_string(dice.below(100000)) + "?q=a&b=%20)\n\n";
            break;
        case 4:
            text += "```python\nfor i in range(" + std::to_string(dice.below(100)) +
                    "):\n    print(f\"{i:>4} <tag> & 'quote'\")\n```\n\n";
            break;
        case 5:
            text += "| what | when |\n|---|---|\n| " + make_title(dice, language) + " | " +
                    std::to_string(dice.between(1, 28)) + ".\u00a0" +
                    std::to_string(dice.between(1, 12)) + ". |\n\n";
            break;
        default:
            for (std::uint64_t i = 0, n = dice.between(1, 4); i < n; ++i) {
                if (dice.chance(5)) text += "**" + make_title(dice, language) + "** ";
                append_sentence(text, dice, language);
            }
            text += "\n\n";
    }
}

}  // namespace

Language pick_language(Dice& dice) {
    if (dice.chance(50)) return Language::english;
    return static_cast<Language>(dice.between(1, 4));
}

Person make_person(Dice& dice, std::uint64_t number) {
    Person person;
    person.language = pick_language(dice);
    Vocabulary const& words = words_of(person.language);
    std::string_view const first = dice.pick(words.first_names), last = dice.pick(words.last_names);
    bool const family_name_first = person.language == Language::chinese;
    person.name = family_name_first ? std::string(last) + std::string(first)
                                    : std::string(first) + " " + std::string(last);
    constexpr std::string_view hosts[] = {"example.org", "example.com", "mail.example.net",
                                          "post.example.de"};
    person.email = "user" + std::to_string(number) + "." + std::to_string(dice.below(1000)) + "@" +
                   std::string(dice.pick(hosts));
    return person;
}

std::string make_title(Dice& dice, Language language) {
    std::string title;
    append_pattern(title, dice, language, dice.pick(words_of(language).titles));
    return title;
}

void append_sentence(std::string& text, Dice& dice, Language language) {
    append_pattern(text, dice, language, dice.pick(words_of(language).patterns));
}

std::string make_markdown(Dice& dice, Language language) {
    std::string text;
    text.reserve(512);
    for (std::uint64_t i = 0, n = 1 + dice.skewed(5); i < n; ++i)
        append_block(text, dice, language);
    return text;
}

std::string make_remark(Dice& dice, Language language) {
    std::string text;
    append_sentence(text, dice, language);
    if (dice.chance(30)) append_sentence(text, dice, language);
    return text;
}

std::string_view make_tag(Dice& dice) {
    return dice.pick(tags);
}

}  // namespace perdure::demo
