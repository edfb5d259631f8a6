/* Polls COUNT nodes of open62541-server with open62541's client, all in one Read: open62541-client PORT COUNT. */

#include "polling.h"

#include <open62541/client.h>
#include <open62541/client_config_default.h>

static UA_Client *client;
static UA_ReadRequest request;

static bool poll_nodes(double *sum) {
    UA_ReadResponse response = UA_Client_Service_read(client, request);
    bool is_whole =
        response.responseHeader.serviceResult == UA_STATUSCODE_GOOD && response.resultsSize == request.nodesToReadSize;
    for (size_t at = 0; is_whole && sum != NULL && at < response.resultsSize; at++) {
        const UA_Variant *value = &response.results[at].value;
        is_whole = UA_Variant_hasScalarType(value, &UA_TYPES[UA_TYPES_DOUBLE]);
        if (is_whole) *sum += *(const UA_Double *)value->data;
    }
    UA_ReadResponse_clear(&response);
    return is_whole;
}

int main(int parameters, char **arguments) {
    if (parameters < 3) return 2;
    const size_t count = (size_t)atoi(arguments[2]);
    char text[64];
    UA_ReadRequest_init(&request);
    request.timestampsToReturn = UA_TIMESTAMPSTORETURN_BOTH;
    request.nodesToRead = UA_Array_new(count, &UA_TYPES[UA_TYPES_READVALUEID]);
    request.nodesToReadSize = count;
    if (request.nodesToRead == NULL) return 1;
    for (size_t at = 0; at < count; at++) {
        snprintf(text, sizeof text, "node %zu", at);
        request.nodesToRead[at].nodeId = UA_NODEID_STRING_ALLOC(1, text);
        request.nodesToRead[at].attributeId = UA_ATTRIBUTEID_VALUE;
    }
    client = UA_Client_new();
    if (client == NULL) return 1;
    UA_ClientConfig_setDefault(UA_Client_getConfig(client));
    snprintf(text, sizeof text, "opc.tcp://127.0.0.1:%s", arguments[1]);
    if (UA_Client_connect(client, text) != UA_STATUSCODE_GOOD) return 1;
    const int code = answer_polls(&UA_OPEN62541_VERSION[1], poll_nodes);
    UA_Client_delete(client);
    UA_ReadRequest_clear(&request);
    return code;
}
