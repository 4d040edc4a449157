#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/ascii.h"
#include "data/where_node.h"

namespace perdure::data {

namespace {

constexpr std::size_t text_bytes_max = 64 << 10;
constexpr unsigned depth_max = 64;

using NodePtr = std::shared_ptr<Where::Node const>;
using Kind = Where::Node::Kind;

struct Token {
    enum class Kind { end, word, name, text, sign } kind = Kind::end;
    std::string text;
    std::size_t at = 0;
};

bool is_word(char c) {
    return is_ascii_alphanumeric(c) || c == '_' || c == '.' || c == ':' || c == '+' || c == '-' ||
           static_cast<unsigned char>(c) >= 0x80;
}

class Parser {
public:
    explicit Parser(std::string const& text) : text_(text) {}

    Result<NodePtr> parse() {
        if (text_.size() > text_bytes_max) return error("a condition of at most 64 KiB");
        PD_CHECK(advance());
        PD_TRY(auto node, either(0));
        if (token_.kind != Token::Kind::end) return error("\"and\", \"or\" or the end");
        return node;
    }

private:
    Error error(std::string_view expected) const {
        return fail(Fault::invalid, fmt::format("the condition is not understood at character {}: "
                                                "{} was expected",
                                                token_.at + 1, expected))
            .with_fix("for example: category = 'travel' and created >= 2024-01-01");
    }

    Result<void> advance() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
            ++at_;
        }
        token_ = {.at = at_};
        if (at_ == text_.size()) return {};
        char const c = text_[at_];
        if (c == '\'' || c == '"') return quoted(c);
        if (is_word(c)) {
            auto const start = at_;
            while (at_ < text_.size() && is_word(text_[at_])) ++at_;
            token_.kind = Token::Kind::word;
            token_.text = text_.substr(start, at_ - start);
            return {};
        }
        token_.kind = Token::Kind::sign;
        token_.text = c;
        ++at_;
        bool const pair =
            at_ < text_.size() && ((c == '<' && text_[at_] == '>') ||
                                   (std::string_view("<>!=").contains(c) && text_[at_] == '='));
        if (pair) token_.text += text_[at_++];
        return {};
    }

    Result<void> quoted(char quote) {
        token_.kind = quote == '"' ? Token::Kind::name : Token::Kind::text;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] != quote) {
                token_.text += text_[at_];
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
                token_.text += quote;
                ++at_;
            } else {
                ++at_;
                return {};
            }
        }
        return error("the closing quote");
    }

    bool is(std::string_view word) const {
        return (token_.kind == Token::Kind::word && ascii_same(token_.text, word)) ||
               (token_.kind == Token::Kind::sign && token_.text == word);
    }
    Result<bool> take(std::string_view word) {
        if (!is(word)) return false;
        PD_CHECK(advance());
        return true;
    }

    static NodePtr join(Kind kind, NodePtr left, NodePtr right) {
        auto node = std::make_shared<Where::Node>();
        node->kind = kind;
        node->left = std::move(left);
        node->right = std::move(right);
        return node;
    }

    Result<NodePtr> either(unsigned depth) {
        if (depth > depth_max) return error("at most 64 levels");
        PD_TRY(auto node, both(depth));
        while (true) {
            PD_TRY(bool const more, take("or"));
            if (!more) return node;
            PD_TRY(auto right, both(depth));
            node = join(Kind::either, std::move(node), std::move(right));
        }
    }

    Result<NodePtr> both(unsigned depth) {
        PD_TRY(auto node, negation(depth));
        while (true) {
            PD_TRY(bool const more, take("and"));
            if (!more) return node;
            PD_TRY(auto right, negation(depth));
            node = join(Kind::both, std::move(node), std::move(right));
        }
    }

    Result<NodePtr> negation(unsigned depth) {
        if (depth > depth_max) return error("at most 64 levels");
        PD_TRY(bool const negated, take("not"));
        if (negated) {
            PD_TRY(auto inner, negation(depth + 1));
            return join(Kind::negation, std::move(inner), nullptr);
        }
        PD_TRY(bool const opened, take("("));
        if (!opened) return comparison();
        PD_TRY(auto inner, either(depth + 1));
        PD_TRY(bool const closed, take(")"));
        if (!closed) return error("\")\"");
        return inner;
    }

    Result<NodePtr> comparison() {
        if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::name) {
            return error("a field's name");
        }
        auto node = std::make_shared<Where::Node>();
        node->field = token_.text;
        PD_CHECK(advance());
        PD_TRY(bool const is_test, take("is"));
        PD_TRY(bool const negated, take("not"));
        if (is_test) {
            PD_TRY(bool const null, take("null"));
            if (!null) return error("\"null\"");
            node->kind = Kind::is_null;
        } else {
            PD_CHECK(operation(*node));
        }
        if (!negated) return node;
        return join(Kind::negation, std::move(node), nullptr);
    }

    Result<void> operation(Where::Node& node) {
        PD_TRY(bool const like, take("like"));
        PD_TRY(bool const contains, take("contains"));
        if (like || contains) {
            node.kind = like ? Kind::like : Kind::contains;
            if (token_.kind != Token::Kind::text) return error("a text in single quotes");
            node.values.emplace_back(token_.text);
            return advance();
        }
        PD_TRY(bool const in, take("in"));
        if (in) return list(node);
        static constexpr std::string_view signs[] = {"=", "==", "!=", "<>", "<", "<=", ">", ">="};
        for (auto const sign : signs) {
            if (!is(sign)) continue;
            node.kind = Kind::comparison;
            node.sign = sign;
            PD_CHECK(advance());
            return literal(node);
        }
        return error("=, !=, <, <=, >, >=, like, contains, in or is");
    }

    Result<void> list(Where::Node& node) {
        node.kind = Kind::one_of;
        PD_TRY(bool const opened, take("("));
        if (!opened) return error("\"(\"");
        while (true) {
            PD_CHECK(literal(node));
            PD_TRY(bool const more, take(","));
            if (more) continue;
            PD_TRY(bool const closed, take(")"));
            if (!closed) return error("\",\" or \")\"");
            return {};
        }
    }

    Result<void> literal(Where::Node& node) {
        if (token_.kind == Token::Kind::text) {
            node.values.emplace_back(token_.text);
            return advance();
        }
        if (token_.kind != Token::Kind::word) return error("a value");
        auto const& text = token_.text;
        char const* const end = text.data() + text.size();
        std::int64_t integer = 0;
        double real = 0;
        if (ascii_same(text, "null")) {
            node.values.emplace_back(Null{});
        } else if (auto const read = std::from_chars(text.data(), end, integer);
                   read.ec == std::errc() && read.ptr == end) {
            node.values.emplace_back(integer);
        } else if (auto const read_real = std::from_chars(text.data(), end, real);
                   read_real.ec == std::errc() && read_real.ptr == end) {
            node.values.emplace_back(real);
        } else if (parse_time(text)) {
            node.values.emplace_back(text);  // a date may stand without quotes
        } else {
            return error("a number, a date, or a text in single quotes");
        }
        return advance();
    }

    std::string const& text_;
    std::size_t at_ = 0;
    Token token_;
};

}  // namespace

Result<std::shared_ptr<Where::Node const>> parse_where_tree(std::string const& text) {
    return Parser(text).parse();
}

}  // namespace perdure::data
