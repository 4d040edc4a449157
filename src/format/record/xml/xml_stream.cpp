#include "format/record/xml/xml_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/record/xml/handle.h"

namespace perdure::format {

namespace {

constexpr std::string_view first_line = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
constexpr std::string_view first_element = "<export";
constexpr std::size_t head_bytes = 4096;
constexpr std::uint64_t piece_max = std::uint64_t{600} << 20;

/// libxml2 parses a document type before it tells of one, and with XML_PARSE_HUGE bounds no
/// expansion: it must never see one. So nothing may stand between the first line and the root.
Result<void> check_head(system::File const& file) {
    Bytes head(head_bytes);
    PD_TRY(auto const got, file.read_at(head, 0));
    auto text = as_text(ByteView(head).first(got));
    if (!text.starts_with(first_line)) {
        return fail(Fault::invalid, fmt::format("the file does not begin with {}", first_line));
    }
    text.remove_prefix(first_line.size());
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (text.starts_with(first_element)) return {};
    return fail(Fault::invalid, "something else than <export> stands first in the file");
}

}  // namespace

struct XmlStream::State {
    system::File file;
    XmlReaderHandle reader;
    std::uint64_t since = 0;  ///< bytes since forget_size()
    bool too_long = false, doctype = false;
    std::optional<Error> error;
    std::string complaint;

    static int read(void* self, char* into, int room) {
        auto& state = *static_cast<State*>(self);
        auto const span = ByteSpan(reinterpret_cast<std::byte*>(into),
                                   static_cast<std::size_t>(std::max(room, 0)));
        auto const got = state.file.read(span);
        if (!got) {
            state.error = got.error();
            return -1;
        }
        state.since += *got;
        state.too_long = state.since > piece_max;
        return state.too_long ? -1 : static_cast<int>(*got);
    }

    static void complain(void* self, char const* text, xmlParserSeverities,
                         xmlTextReaderLocatorPtr) {
        auto& state = *static_cast<State*>(self);
        if (state.complaint.empty() && text) state.complaint = text;
        while (state.complaint.ends_with('\n')) state.complaint.pop_back();
    }
};

XmlStream::XmlStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
XmlStream::XmlStream(XmlStream&&) noexcept = default;
XmlStream& XmlStream::operator=(XmlStream&&) noexcept = default;
XmlStream::~XmlStream() = default;

Result<XmlStream> XmlStream::open(system::Path const& file) {
    auto state = std::make_unique<State>();
    PD_TRY(state->file, system::File::open_to_read(file));
    PD_CHECK(check_head(state->file));
    state->reader.reset(xmlReaderForIO(State::read, nullptr, state.get(), nullptr, "UTF-8",
                                       XML_PARSE_NONET | XML_PARSE_HUGE));
    if (!state->reader) return fail(Fault::exhausted, "no memory for a reader of XML");
    xmlTextReaderSetErrorHandler(state->reader.get(), State::complain, state.get());
    return XmlStream(std::move(state));
}

Error XmlStream::broken() const {
    auto const& state = *state_;
    if (state.error) return *state.error;
    if (state.too_long) return fail(Fault::exhausted, "a record of more than 600 MiB");
    if (state.doctype) {
        return fail(Fault::invalid, "the file declares a document type, which no export does");
    }
    auto const line = xmlTextReaderGetParserLineNumber(state.reader.get());
    return fail(Fault::corrupt,
                fmt::format("line {}: {}", line,
                            state.complaint.empty() ? "this is no XML" : state.complaint));
}

Result<XmlStream::Step> XmlStream::next() {
    if (std::exchange(end_waits_, false)) return Step::end;
    auto* const reader = state_->reader.get();
    while (true) {
        auto const read = xmlTextReaderRead(reader);
        if (read < 0 || state_->doctype) return broken();
        if (read == 0) return Step::done;
        auto const* const local = xmlTextReaderConstLocalName(reader);
        auto const* const value = xmlTextReaderConstValue(reader);
        switch (xmlTextReaderNodeType(reader)) {
            case XML_READER_TYPE_ELEMENT:
                name_ = reinterpret_cast<char const*>(local);
                end_waits_ = xmlTextReaderIsEmptyElement(reader) == 1;
                return Step::start;
            case XML_READER_TYPE_END_ELEMENT:
                name_ = reinterpret_cast<char const*>(local);
                return Step::end;
            case XML_READER_TYPE_TEXT:
            case XML_READER_TYPE_CDATA:
            case XML_READER_TYPE_WHITESPACE:
            case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
                text_ = value ? reinterpret_cast<char const*>(value) : "";
                return Step::text;
            case XML_READER_TYPE_DOCUMENT_TYPE:
            case XML_READER_TYPE_ENTITY_REFERENCE:
            case XML_READER_TYPE_ENTITY:
                state_->doctype = true;
                return broken();
            default:
                break;
        }
    }
}

std::optional<std::string> XmlStream::attribute(char const* name) const {
    XmlText const value(
        xmlTextReaderGetAttribute(state_->reader.get(), reinterpret_cast<xmlChar const*>(name)));
    if (!value) return std::nullopt;
    return std::string(reinterpret_cast<char const*>(value.get()));
}

Result<std::string> XmlStream::content() {
    auto const element = name_;
    std::string all;
    while (true) {
        PD_TRY(auto const step, next());
        if (step == Step::end) return all;
        if (step != Step::text) {
            return fail(Fault::corrupt, fmt::format("<{}> stands inside <{}>", name_, element));
        }
        all += text_;
    }
}

Result<void> XmlStream::skip() {
    for (unsigned depth = 1; depth > 0;) {
        PD_TRY(auto const step, next());
        if (step == Step::done) return broken();
        if (step == Step::start) ++depth;
        if (step == Step::end) --depth;
    }
    return {};
}

void XmlStream::forget_size() {
    state_->since = 0;
}

}  // namespace perdure::format
