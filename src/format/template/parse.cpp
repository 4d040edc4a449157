#include "format/template/parse.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/trim.h"
#include "base/utf8.h"

namespace perdure::format {

namespace {

constexpr std::size_t template_bytes_max = 1 << 20, depth_max = 32, name_bytes_max = 200;

Error wrong(unsigned line, std::string const& what) {
    return fail(Fault::invalid, fmt::format("line {} of the template: {}", line, what));
}

/// One {{tag}} as it stands in the text.
struct Tag {
    char kind = 'v';  ///< v & # ^ / ! = >
    std::string_view name;
    std::size_t begin = 0, end = 0;
};

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<TemplateNodes> run() {
        open_.emplace_back();
        while (true) {
            PD_TRY(bool const more, next());
            if (!more) break;
        }
        if (open_.size() > 1) {
            return wrong(open_.back().line,
                         fmt::format("{{{{#{}}}}} is never closed", open_.back().text));
        }
        return std::move(open_.front().children);
    }

private:
    /// Reads up to and with the next tag. False at the end.
    Result<bool> next() {
        auto const begin = text_.find(opening_, at_);
        if (begin == text_.npos) {
            add_text(text_.substr(at_));
            return false;
        }
        Tag tag{.begin = begin};
        PD_CHECK(read_tag(tag));
        auto before = text_.substr(at_, begin - at_);
        auto after = tag.end;
        bool const shows = tag.kind == 'v' || tag.kind == '&';
        if (!shows && stands_alone(tag)) {
            // A line that holds only this tag leaves no line behind.
            while (before.ends_with(' ') || before.ends_with('\t')) before.remove_suffix(1);
            after = text_.find('\n', after);
            after = after == text_.npos ? text_.size() : after + 1;
        }
        add_text(before);
        line_ += count_lines(at_, begin);
        PD_CHECK(apply(tag));
        line_ += count_lines(begin, after);
        at_ = after;
        return true;
    }

    unsigned count_lines(std::size_t from, std::size_t to) const {
        return static_cast<unsigned>(std::ranges::count(text_.substr(from, to - from), '\n'));
    }

    bool stands_alone(Tag const& tag) const {
        // Only blanks are passed over: a template may be one line of a million tags.
        auto const before = text_.substr(0, tag.begin).find_last_not_of(" \t");
        if (before != text_.npos && text_[before] != '\n') return false;
        auto const behind = text_.find_first_not_of(" \t\r", tag.end);
        return behind == text_.npos || text_[behind] == '\n';
    }

    Result<void> read_tag(Tag& tag) {
        auto const line = line_ + count_lines(at_, tag.begin);
        auto start = tag.begin + opening_.size();
        std::string closing = closing_;
        bool const triple = opening_ == "{{" && text_.substr(start).starts_with('{');
        if (triple) {
            closing = "}}}";
            ++start;
        }
        auto const end = text_.find(closing, start);
        if (end == text_.npos) return wrong(line, "a tag is not closed");
        tag.end = end + closing.size();
        auto content = trimmed(text_.substr(start, end - start));
        if (triple) {
            tag.kind = '&';
        } else if (!content.empty() && std::string_view("&#^/!=>").contains(content[0])) {
            tag.kind = content[0];
            content = trimmed(content.substr(1));
        }
        tag.name = content;
        bool const named = tag.kind != '!' && tag.kind != '=';
        if (named && (content.empty() || content.size() > name_bytes_max)) {
            return wrong(line, "a tag without a name, or with a very long one");
        }
        return {};
    }

    void add_text(std::string_view text) {
        if (text.empty()) return;
        open_.back().children.push_back({TemplateNode::Kind::text, std::string(text), line_, {}});
    }

    Result<void> apply(Tag const& tag) {
        using Kind = TemplateNode::Kind;
        std::string const name(tag.name);
        switch (tag.kind) {
            case 'v':
            case '&':
                open_.back().children.push_back(
                    {tag.kind == 'v' ? Kind::value : Kind::raw, name, line_, {}});
                return {};
            case '#':
            case '^':
                if (open_.size() > depth_max) return wrong(line_, "nested more than 32 deep");
                open_.push_back(
                    {tag.kind == '#' ? Kind::section : Kind::inverted, name, line_, {}});
                return {};
            case '/':
                return close(name);
            case '=':
                return delimiters(tag.name);
            case '>':
                return wrong(line_,
                             fmt::format("{{{{>{}}}}}: a template cannot load others", name));
            default:
                return {};  // a comment
        }
    }

    Result<void> close(std::string const& name) {
        if (open_.size() == 1 || open_.back().text != name) {
            return wrong(line_, fmt::format("{{{{/{}}}}} closes what is not open", name));
        }
        auto done = std::move(open_.back());
        open_.pop_back();
        open_.back().children.push_back(std::move(done));
        return {};
    }

    Result<void> delimiters(std::string_view content) {
        if (content.ends_with('=')) content.remove_suffix(1);
        content = trimmed(content);
        auto const gap = content.find_first_of(" \t");
        auto const opening = content.substr(0, gap);
        auto const closing =
            gap == content.npos ? std::string_view() : trimmed(content.substr(gap));
        if (opening.empty() || closing.empty() || closing.find_first_of(" \t=") != closing.npos ||
            opening.contains('=')) {
            return wrong(line_, "delimiters are set like {{=<% %>=}}");
        }
        opening_ = opening;
        closing_ = closing;
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    unsigned line_ = 1;
    std::string opening_ = "{{", closing_ = "}}";
    std::vector<TemplateNode> open_;  ///< the sections around here, the whole template first
};

/// key=value words of the first comment; description takes the rest.
Result<void> read_directive(std::string_view text, Template& into) {
    if (!text.starts_with("{{!")) return {};
    auto content = trimmed(text.substr(3, text.find("}}") - 3));
    if (!content.starts_with("perdure:")) return {};
    content = trimmed(content.substr(8));
    while (!content.empty()) {
        auto const equals = content.find('=');
        if (equals == content.npos) return wrong(1, "write escape=…, extension=…, description=…");
        auto const key = trimmed(content.substr(0, equals));
        auto rest = content.substr(equals + 1);
        auto const value = key == "description" ? rest : rest.substr(0, rest.find(' '));
        content = trimmed(rest.substr(value.size()));
        if (key == "escape") {
            PD_TRY(into.escape, escape_of_name(value));
        } else if (key == "extension") {
            into.extension = extension_of_template("x." + std::string(value));
        } else if (key == "description") {
            into.description = value;
        } else {
            return wrong(1, fmt::format("\"{}\" is none of escape, extension, description", key));
        }
    }
    return {};
}

/// A section {{#name}} among the nodes, with how many there are.
std::size_t find_section(TemplateNodes const& nodes, std::string_view name, unsigned& count) {
    std::size_t found = nodes.size();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (nodes[i].kind != TemplateNode::Kind::section || nodes[i].text != name) continue;
        found = i;
        ++count;
    }
    return found;
}

struct Cut {
    TemplateNodes before, inside, after;
};
Cut cut_at(TemplateNodes nodes, std::size_t at) {
    Cut cut;
    cut.inside = std::move(nodes[at].children);
    cut.before.assign(std::make_move_iterator(nodes.begin()),
                      std::make_move_iterator(nodes.begin() + static_cast<std::ptrdiff_t>(at)));
    cut.after.assign(std::make_move_iterator(nodes.begin() + static_cast<std::ptrdiff_t>(at) + 1),
                     std::make_move_iterator(nodes.end()));
    return cut;
}

Result<void> refuse_records(TemplateNodes const& nodes, bool negated_too) {
    for (auto const& node : nodes) {
        bool const section = node.kind == TemplateNode::Kind::section ||
                             (negated_too && node.kind == TemplateNode::Kind::inverted);
        if (section && node.text == "records") {
            return wrong(node.line,
                         "records pass once, through one {{#records}} at the top or in one "
                         "{{#types}}; whether there were any is known after them");
        }
        PD_CHECK(refuse_records(node.children, negated_too));
    }
    return {};
}

Result<void> cut_template(TemplateNodes nodes, Template& into) {
    unsigned records = 0, types = 0;
    auto at = find_section(nodes, "records", records);
    if (records == 1) {
        auto cut = cut_at(std::move(nodes), at);
        into.header = std::move(cut.before);
        into.record = std::move(cut.inside);
        into.footer = std::move(cut.after);
    } else if (records == 0) {
        // {{#types}} that lists columns may stand elsewhere; the one with the records streams.
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            unsigned inside = 0;
            bool const typed =
                nodes[i].kind == TemplateNode::Kind::section && nodes[i].text == "types";
            if (!typed ||
                find_section(nodes[i].children, "records", inside) == nodes[i].children.size()) {
                continue;
            }
            at = i;
            types += inside;
        }
        if (types != 1) return wrong(1, "it has no {{#records}}…{{/records}}");
        auto outer = cut_at(std::move(nodes), at);
        unsigned count = 0;
        auto const inner_at = find_section(outer.inside, "records", count);
        auto inner = cut_at(std::move(outer.inside), inner_at);
        into.by_type = true;
        into.header = std::move(outer.before);
        into.type_header = std::move(inner.before);
        into.record = std::move(inner.inside);
        into.type_footer = std::move(inner.after);
        into.footer = std::move(outer.after);
    } else {
        return wrong(nodes[at].line, "a second {{#records}}; records pass once");
    }
    for (auto const* part : {&into.header, &into.type_header, &into.record}) {
        PD_CHECK(refuse_records(*part, true));
    }
    PD_CHECK(refuse_records(into.type_footer, false));
    return refuse_records(into.footer, false);
}

}  // namespace

Result<Template> parse_template(std::string_view text, std::string_view file_name) {
    if (text.size() > template_bytes_max) {
        return fail(Fault::invalid, "a template of more than 1 MiB");
    }
    if (!is_utf8(text) || text.contains('\0')) {
        return fail(Fault::invalid, "a template is UTF-8 text");
    }
    Template made;
    made.escape = escape_of_file(file_name);
    made.extension = extension_of_template(file_name);
    PD_CHECK(read_directive(text, made));
    PD_TRY(auto nodes, Parser(text).run());
    PD_CHECK(cut_template(std::move(nodes), made));
    return made;
}

void collect_names(TemplateNodes const& nodes, std::vector<TemplateName>& into) {
    for (auto const& node : nodes) {
        if (node.kind != TemplateNode::Kind::text) into.push_back({node.text, node.line});
        collect_names(node.children, into);
    }
}

}  // namespace perdure::format
