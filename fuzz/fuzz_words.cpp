// What people and other programs write in a line: selectors, conditions, mapping paths, times,
// hexadecimal, Base64. What is accepted can be spelt and read again alike.
#include "data/conflict.h"
#include "data/mapping_path.h"
#include "data/schema.h"
#include "data/selector.h"
#include "data/value.h"
#include "data/where.h"
#include "fuzz/input.h"

namespace {

using namespace perdure;
using namespace perdure::data;

void selector(fuzz::Input input) {
    auto const path = input.text();
    auto const type = input.text(), id = input.text();
    auto const read = parse_selector(input.rest_as_text());
    if (read) {
        PD_ASSERT(!read->source.empty() && read->text == input.rest_as_text());
        bool const taken = selects_path(*read, path);
        auto const cut = path.rfind('/');
        // What is taken with its folder, the walk must come to.
        if (taken && cut != path.npos && cut > 0 && read->kind == Selector::Kind::path) {
            PD_ASSERT(may_select_below(*read, path.substr(0, cut)));
        }
        if (read->kind == Selector::Kind::path && !read->pattern) {
            PD_ASSERT(selects_path(*read, read->path));
            PD_ASSERT(selects_path(*read, read->path + "/below"));
        }
    }
    bool const nameable =
        !type.empty() && !id.empty() && type.find('\0') == type.npos && id.find('\0') == id.npos;
    if (!nameable) return;
    auto const spelt = parse_selector(spell_record("app", type, id));
    PD_ASSERT(spelt && spelt->kind == Selector::Kind::record);
    PD_ASSERT(spelt->source == "app" && spelt->type == type && spelt->id == id);
}

void condition(fuzz::Input input) {
    auto const title = input.text(), column = input.text();
    auto const number = static_cast<std::int64_t>(input.byte()) - 100;
    auto const text = std::string(input.rest_as_text());
    auto const where = Where::parse(text);
    if (!where) return;
    Record record{.type = "memory", .id = "17"};
    record.fields = {{"a", number}, {"b", 0.5}, {"c", column}, {"d", Null{}}};
    record.title = title;
    record.created = Timestamp{1'700'000'000, 0};
    record.tags = {"draft"};
    bool const holds = where->matches(record);
    auto const negated = Where::parse("not (" + text + ")");
    if (negated) PD_ASSERT(negated->matches(record) == !holds);
    static_cast<void>(where->check({}));
    PD_ASSERT(!where->fields().empty());
}

std::string quoted(std::string const& name) {
    std::string out = "\"";
    for (char const c : name) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
}

std::string spelt(MappingPath const& path) {
    auto const target = quoted(path.table) + "." + quoted(path.value);
    switch (path.kind) {
        case MappingPath::Kind::column:
            return quoted(path.column);
        case MappingPath::Kind::lookup:
            return quoted(path.column) + " -> " + target;
        case MappingPath::Kind::link:
            return quoted(path.link_table) + "(" + quoted(path.link_here) + ", " +
                   quoted(path.link_there) + ") -> " + target;
        case MappingPath::Kind::children:
            break;
    }
    return quoted(path.table) + "(" + quoted(path.children_key) + ")." + quoted(path.value);
}

void mapping(std::string const& text) {
    auto const path = parse_mapping_path(text);
    if (!path) return;
    auto const again = parse_mapping_path(spelt(*path));
    PD_ASSERT(again && again->kind == path->kind && spelt(*again) == spelt(*path));
}

void scalars(std::string_view text) {
    if (auto const time = parse_time(text)) {
        PD_ASSERT(time->nanoseconds <= 999'999'999);
        auto const again = parse_time(to_rfc3339(*time));
        PD_ASSERT(again && again->seconds == time->seconds);
    }
    if (auto const bytes = from_hex(text)) PD_ASSERT(bytes->size() * 2 == text.size());
    if (auto const bytes = from_base64(text)) PD_ASSERT(to_base64(*bytes) == text);
    auto const strategy = parse_strategy(std::string(text));
    if (strategy) PD_ASSERT(strategy_name(*strategy) == text);
    if (auto const decision = parse_decision(text)) PD_ASSERT(decision_name(*decision) == text);
}

void value(ByteView bytes) {
    Decoder in(bytes);
    auto const read = decode_value(in);
    if (!read) return;
    Encoder out;
    encode_value(out, *read);
    PD_ASSERT(std::ranges::equal(out.view(), bytes.first(bytes.size() - in.left())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 5) {
        case 0:
            selector(input);
            break;
        case 1:
            condition(input);
            break;
        case 2:
            mapping(std::string(input.rest_as_text()));
            break;
        case 3:
            scalars(input.rest_as_text());
            break;
        default:
            value(input.rest());
    }
    return 0;
}
