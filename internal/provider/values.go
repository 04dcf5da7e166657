package provider

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// parseDuration parses a value that the duration validator accepted. Null and unknown return 0.
func parseDuration(value types.String) time.Duration {
	d, _ := time.ParseDuration(value.ValueString())
	return d
}

func stringAttribute(object types.Object, name string) string {
	value, _ := object.Attributes()[name].(types.String)
	return value.ValueString()
}

func parseTimestamp(object types.Object, name string) time.Time {
	t, _ := time.Parse(time.RFC3339, stringAttribute(object, name))
	return t
}

// orNull returns null for an empty string.
func orNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// portValue returns null for port 0, that of a site that was never configured.
func portValue(port int) types.Int64 {
	if port == 0 {
		return types.Int64Null()
	}
	return types.Int64Value(int64(port))
}

// names returns the values of an enumeration as strings.
func names[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// quotedList formats values as `"a", "b"`.
func quotedList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(quoted, ", ")
}

// The framework can fill structs too, but it compiles a regular expression for each field each time, which caused a third of the
// allocations in a plan of many sites. Here the fields of a model are looked up once.

// field is one attribute of a model. A model is a struct whose fields, including those of embedded structs, are attribute values with
// tfsdk tags.
type field struct {
	name  string
	index []int
}

// fieldsOf caches a []field for the [reflect.Type] of each model.
var fieldsOf sync.Map

func modelFields(model reflect.Type) []field {
	if known, ok := fieldsOf.Load(model); ok {
		fields, _ := known.([]field)
		return fields
	}
	var fields []field
	for _, f := range reflect.VisibleFields(model) {
		if name, ok := f.Tag.Lookup("tfsdk"); ok {
			fields = append(fields, field{name, f.Index})
		}
	}
	fieldsOf.Store(model, fields)
	return fields
}

// get fills model from a configuration, a plan, a state or an identity. If the block is omitted, model is unchanged.
func get[M any](ctx context.Context, from interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}, model *M,
) diag.Diagnostics {
	var object types.Object
	diags := from.Get(ctx, &object)
	if !diags.HasError() {
		fill(model, object)
	}
	return diags
}

// fill sets the model's fields to the attributes of object, which have the same types.
func fill[M any](model *M, object types.Object) {
	attributes, target := object.Attributes(), reflect.ValueOf(model).Elem()
	for _, f := range modelFields(target.Type()) {
		if value, ok := attributes[f.name]; ok {
			target.FieldByIndex(f.index).Set(reflect.ValueOf(value))
		}
	}
}

// set writes model to a plan, a state or an identity of type kind.
func set[M any](ctx context.Context, to interface {
	Set(ctx context.Context, value any) diag.Diagnostics
}, kind tftypes.Type, model M,
) diag.Diagnostics {
	values, source := map[string]tftypes.Value{}, reflect.ValueOf(model)
	for _, f := range modelFields(source.Type()) {
		value, _ := reflect.TypeAssert[attr.Value](source.FieldByIndex(f.index))
		converted, err := value.ToTerraformValue(ctx)
		if err != nil {
			return diag.Diagnostics{diag.NewErrorDiagnostic("Value cannot be stored", f.name+": "+err.Error())}
		}
		values[f.name] = converted
	}
	return to.Set(ctx, tftypes.NewValue(kind, values))
}
