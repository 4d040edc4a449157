#include "format/record/text_writer.h"

namespace perdure::format {

Result<void> TextWriter::begin(ExportInfo const& info) {
    PD_CHECK(prepare(info));
    for (auto const& type : info.types) tally_.declare(type.type);
    PD_CHECK(file_.create(tree_, name()));
    PD_CHECK(open(info));
    return file_.settle();
}

Result<FormatSummary> TextWriter::finish(std::stop_token) {
    PD_CHECK(close());
    PD_CHECK(file_.finish());
    tally_.summary().bytes += file_.bytes_written();
    tally_.summary().files = 1;
    return tally_.take();
}

Result<std::optional<Bytes>> TextWriter::checkpoint() {
    PD_CHECK(file_.flush());
    Encoder state;
    state.varint(bytes_written());
    tally_.encode(state);
    save(state);
    return state.take();
}

Result<void> TextWriter::resume(ExportInfo const& info, ByteView bytes) {
    PD_CHECK(prepare(info));
    Decoder state(bytes);
    PD_TRY(auto const written, state.varint());
    PD_CHECK(tally_.decode(state));
    PD_CHECK(load(state));
    PD_CHECK(state.expect_end());
    tally_.summary().bytes = written;
    return file_.reopen(tree_, name());
}

}  // namespace perdure::format
